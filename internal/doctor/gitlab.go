package doctor

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/org/gocache-action/internal/finding"
)

const pipelineFile = ".gitlab-ci.yml"

// A pipeline is what a .gitlab-ci.yml says of jobs that use gocache.
type pipeline struct {
	jobs []gitlabJob
}

// A gitlabJob is one of them, with what it inherits within the file.
type gitlabJob struct {
	at, name  string
	component bool // it extends the job of the component, and so has its scripts
	cache     *yaml.Node
	before    *yaml.Node // its own before_script; nil: that of the component
	after     *yaml.Node
	scripts   string
	variables map[string]string
	tokens    bool // it has id_tokens
}

// notJobs are the keys of a pipeline that are no jobs.
var notJobs = []string{"default", "include", "stages", "variables", "workflow", "image", "services", "cache", "before_script", "after_script", "spec", "pages"}

// pipeline reads .gitlab-ci.yml; one that is not there has no jobs.
func (f *Facts) pipeline() (pipeline, error) {
	if f.Root == "" {
		return pipeline{}, nil
	}
	data, err := os.ReadFile(filepath.Join(f.Root, pipelineFile))
	if errors.Is(err, fs.ErrNotExist) {
		return pipeline{}, nil
	}
	if err != nil {
		return pipeline{}, err
	}
	return parsePipeline(data)
}

// runsRestore matches scripts that restore by themselves.
var runsRestore = regexp.MustCompile(`(?m)(^|[\s/"])gocache"? restore\b`)

// parsePipeline reads the jobs that use gocache. The file may begin with a document that declares
// inputs.
func parsePipeline(data []byte) (p pipeline, err error) {
	dec := yaml.NewDecoder(strings.NewReader(string(data)))
	var root *yaml.Node
	for {
		var doc yaml.Node
		if err := dec.Decode(&doc); err != nil {
			if root == nil && !strings.Contains(err.Error(), "EOF") {
				return p, err
			}
			break
		}
		root = content(&doc)
	}
	hidden := componentJobs(root)
	for key, value := range pairs(root) {
		if slices.Contains(notJobs, key.Value) || strings.HasPrefix(key.Value, ".") || value.Kind != yaml.MappingNode {
			continue
		}
		left := maxExtends
		chain := extends(root, value, &left, 0)
		j := gitlabJob{at: at(pipelineFile, key), name: key.Value, variables: map[string]string{}}
		for _, n := range chain {
			j.cache = firstOf(j.cache, child(n, "cache"))
			j.before, j.after = firstOf(j.before, child(n, "before_script")), firstOf(j.after, child(n, "after_script"))
			j.scripts += allText(child(n, "before_script")) + allText(child(n, "script"))
			j.variables = merged(texts(child(n, "variables")), j.variables)
			j.tokens = j.tokens || child(n, "id_tokens") != nil
			for _, e := range items(child(n, "extends")) {
				j.component = j.component || slices.Contains(hidden, e.Value)
			}
		}
		j.cache = firstOf(j.cache, firstOf(child(child(root, "default"), "cache"), child(root, "cache")))
		j.tokens = j.tokens || child(child(root, "default"), "id_tokens") != nil
		j.variables = merged(texts(child(root, "variables")), j.variables)
		if j.component || runsRestore.MatchString(j.scripts) {
			p.jobs = append(p.jobs, j)
		}
	}
	return p, nil
}

func firstOf(a, b *yaml.Node) *yaml.Node {
	if a != nil {
		return a
	}
	return b
}

// componentJobs are the names of the hidden jobs that includes of the component make.
func componentJobs(root *yaml.Node) (names []string) {
	for _, in := range append(items(child(root, "include")), child(root, "include")) {
		if !strings.Contains(scalar(child(in, "component")), "gocache") {
			continue
		}
		name := scalar(child(child(in, "inputs"), "job"))
		if name == "" {
			name = ".gocache"
		}
		names = append(names, name, name+"-image")
	}
	return names
}

// extends is a job and what it extends in this file, the nearest first.
func extends(root, job *yaml.Node, left *int, depth int) (chain []*yaml.Node) {
	chain = []*yaml.Node{job}
	list := items(child(job, "extends"))
	slices.Reverse(list) // the last one wins
	for _, name := range list {
		if *left--; *left < 0 {
			break
		}
		if parent := child(root, name.Value); parent != nil && depth < maxMerges {
			chain = append(chain, extends(root, parent, left, depth+1)...)
		}
	}
	return chain
}

// caches: no job lets GitLab store the same directories.
func (p pipeline) caches() (found []finding.Finding) {
	for _, j := range p.jobs {
		for _, c := range append(items(j.cache), j.cache) {
			for _, path := range items(child(c, "paths")) {
				if goCachePath(path.Value) != "" {
					found = append(found, finding.Warnf(finding.Advise("cache: [] in the job, or remove "+path.Value), "%s: job %s uses gocache, and GitLab's cache stores %s a second time (line %d)", j.at, j.name, path.Value, path.Line))
				}
			}
		}
	}
	return found
}

// paths: the scripts of the component run, and later ones use the same directories.
func (p pipeline) paths() (found []finding.Finding) {
	for _, j := range p.jobs {
		for _, s := range []struct {
			name string
			own  *yaml.Node
			does string
		}{{"before_script", j.before, "restores"}, {"after_script", j.after, "saves"}} {
			if j.component && s.own != nil && !strings.Contains(allText(s.own), "gocache") && !refers(s.own) {
				found = append(found, finding.Warnf(finding.Advise("- !reference [.gocache, "+s.name+"] in it"), "%s: job %s has a %s of its own, in place of the one that %s", j.at, j.name, s.name, s.does))
			}
		}
		if set := movesCaches(j.scripts); set != "" && j.component {
			found = append(found, finding.Warnf(finding.Advise("set it in variables of the job"), "%s: job %s: the script sets %s, which is not what was restored and is saved", j.at, j.name, set))
		}
		if m := cleans.FindString(j.scripts); m != "" {
			found = append(found, finding.Warnf(finding.Advise("remove the command; gocache gc and --max-size keep caches small"), "%s: job %s: %q removes what was restored, and the save stores what is left", j.at, j.name, m))
		}
	}
	return found
}

// refers reports whether a list has a !reference, which brings in what stands elsewhere.
func refers(n *yaml.Node) bool {
	return slices.ContainsFunc(append(items(n), n), func(one *yaml.Node) bool { return one.Tag == "!reference" })
}

// tokens: a job that assumes a role has an OIDC token.
func (p pipeline) tokens() (found []finding.Finding) {
	for _, j := range p.jobs {
		if j.variables["GOCACHE_ACTION_ROLE_TO_ASSUME"] != "" && !j.component && !j.tokens {
			found = append(found, finding.Failf(finding.Advise("id_tokens: { GOCACHE_ACTION_ID_TOKEN: { aud: sts.amazonaws.com } }"), "%s: job %s assumes a role, and has no id_tokens", j.at, j.name))
		}
	}
	return found
}
