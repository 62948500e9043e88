package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
)

// A ciJob is a job that uses gocache, of a workflow of GitHub or of a pipeline of GitLab.
type ciJob struct {
	at    string // file:line
	name  string
	steps []ciStep // of GitHub
	env   map[string]string
	// granted are the permissions of the job on GitHub; nil: the workflow says nothing.
	granted map[string]string
}

// A ciStep is a step of a job on GitHub.
type ciStep struct {
	at        string
	uses, run string
	release   string // the comment beside a pinned action, such as v5
	with, env map[string]string
}

// ours matches the action of this project, whoever has a copy of it.
var ours = regexp.MustCompile(`(?:^|/)gocache-action(/(?:restore|save|gc))?(?:@|$)`)

// role is what the step has the action do: "whole", "restore", "save", "gc"; "" for other steps.
func (s ciStep) role() string {
	m := ours.FindStringSubmatch(s.uses)
	switch {
	case m != nil && m[1] == "":
		return "whole"
	case m != nil:
		return m[1][1:]
	case regexp.MustCompile(`(?m)(^|[\s/])gocache restore\b`).MatchString(s.run):
		return "restore"
	}
	return ""
}

// first is the index of the first step that restores; -1 if none does.
func (j ciJob) first() int {
	return slices.IndexFunc(j.steps, func(s ciStep) bool { r := s.role(); return r == "whole" || r == "restore" })
}

// A workflowFile is one that was read; err says why it could not be.
type workflowFile struct {
	name string
	jobs []ciJob
	err  error
}

// workflows reads those of the repository.
func (f *Facts) workflows() (list []workflowFile) {
	if f.Root == "" {
		return nil
	}
	for _, dir := range []string{".github", ".gitea", ".forgejo"} {
		for _, end := range []string{"*.yml", "*.yaml"} {
			files, _ := filepath.Glob(filepath.Join(f.Root, dir, "workflows", end))
			for _, file := range files {
				w := workflowFile{name: dir + "/workflows/" + filepath.Base(file)}
				data, err := os.ReadFile(file)
				if err == nil {
					w.jobs, err = parseWorkflow(w.name, data)
				}
				w.err = err
				list = append(list, w)
			}
		}
	}
	return list
}

// parseWorkflow reads the jobs of a workflow.
func parseWorkflow(name string, data []byte) (jobs []ciJob, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return nil, err
	}
	root := content(&doc)
	all := texts(child(root, "env"))
	general := permissions(child(root, "permissions"))
	for key, value := range pairs(child(root, "jobs")) {
		j := ciJob{
			at: at(name, key), name: key.Value, granted: general,
			env: merged(all, texts(child(value, "env"))),
		}
		if own := permissions(child(value, "permissions")); own != nil {
			j.granted = own
		}
		for _, s := range items(child(value, "steps")) {
			uses := child(s, "uses")
			one := ciStep{at: at(name, s), uses: scalar(uses), run: scalar(child(s, "run")), with: texts(child(s, "with")), env: texts(child(s, "env"))}
			if uses != nil {
				one.release = strings.TrimSpace(strings.TrimLeft(uses.LineComment, "# "))
			}
			j.steps = append(j.steps, one)
		}
		jobs = append(jobs, j)
	}
	return jobs, nil
}

// permissions reads the permissions of a job; nil if there are none.
func permissions(n *yaml.Node) map[string]string {
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.ScalarNode && n.Value == "write-all":
		return map[string]string{"*": "write"}
	case n.Kind == yaml.ScalarNode && n.Value == "read-all":
		return map[string]string{"*": "read"}
	}
	return merged(texts(n), nil)
}

// mayWriteTo reports whether a job has been granted to write something.
func (j ciJob) mayWriteTo(what string) bool {
	return j.granted[what] == "write" || j.granted["*"] == "write"
}

func merged(a, b map[string]string) map[string]string {
	out := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for k, v := range m {
			out[k] = v
		}
	}
	return out
}

func at(file string, n *yaml.Node) string { return file + ":" + strconv.Itoa(n.Line) }

// checkCICaches: no job has a second cache for what gocache restores and saves.
func checkCICaches(_ context.Context, f *Facts) []finding.Finding {
	return eachJob(f, func(j ciJob) (found []finding.Finding) {
		for _, s := range j.steps {
			name, ref, _ := strings.Cut(s.uses, "@")
			switch {
			case name == "actions/setup-go" && cachesByItself(ref, s.release, s.with["cache"]):
				found = append(found, finding.Warnf(finding.Advise("with: cache: false, in that step"), "%s: job %s uses gocache, and setup-go has a cache of its own for the same directories", s.at, j.name))
			case (name == "actions/cache" || name == "actions/cache/restore" || name == "actions/cache/save") && goCachePath(s.with["path"]) != "":
				found = append(found, finding.Warnf(finding.Advise("remove "+goCachePath(s.with["path"])+" from that step"), "%s: job %s uses gocache, and %s stores %s a second time", s.at, j.name, name, goCachePath(s.with["path"])))
			}
		}
		return found
	}, func(p pipeline) []finding.Finding { return p.caches() }, "no job that uses gocache has a second cache")
}

// cachesByItself reports whether a setup-go has a cache: from v4 on it does unless it is told not
// to. What an expression will say is not known, and counts as false.
func cachesByItself(ref, comment, input string) bool {
	if input != "" {
		on, err := strconv.ParseBool(input)
		return err == nil && on
	}
	for _, text := range []string{ref, comment} {
		var major int
		if _, err := fmt.Sscanf(text, "v%d", &major); err == nil {
			return major >= 4
		}
	}
	return true
}

// goCaches are parts of the names of the directories of the go command, as people write them.
var goCaches = []string{"go/pkg/mod", `go\pkg\mod`, "pkg/mod", "go-build", "GOMODCACHE", "env.GOCACHE", "$GOCACHE", "${GOCACHE}"}

// goCachePath is the first line of a list of paths that is a cache of the go command.
func goCachePath(paths string) string {
	for line := range strings.Lines(paths) {
		if slices.ContainsFunc(goCaches, func(c string) bool { return strings.Contains(line, c) }) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

var (
	// moves matches commands after which the go command uses other directories.
	moves     = regexp.MustCompile(`(?m)(?:^|[\s;&|"'])((?:GOCACHE|GOMODCACHE|GOPATH)=\S*)`)
	elsewhere = regexp.MustCompile(`\b(?:docker|podman|nerdctl|kubectl)\b|go env`)
	// cleans matches commands that remove what was restored.
	cleans = regexp.MustCompile(`go clean [^\n;&|]*-(?:mod)?cache\b`)
)

// movesCaches is the first setting in a script after which the go command uses other directories.
// What is set in a container concerns that alone, and what go env says is no other value.
func movesCaches(script string) string {
	for line := range strings.Lines(script) {
		m := moves.FindStringSubmatch(line)
		if m != nil && !strings.HasPrefix(strings.TrimSpace(line), "#") && !elsewhere.MatchString(line) {
			return m[1]
		}
	}
	return ""
}

// checkCIPaths: the steps after a restore use the directories that were restored.
func checkCIPaths(_ context.Context, f *Facts) []finding.Finding {
	return eachJob(f, func(j ciJob) (found []finding.Finding) {
		for _, s := range j.steps[j.first()+1:] {
			for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH"} {
				if v, set := s.env[name]; set && v != j.env[name] {
					found = append(found, finding.Warnf(finding.Advise("move it to env of the job, above the step that restores"), "%s: job %s: the step sets %s=%s, which is not what was restored and is saved", s.at, j.name, name, v))
				}
			}
			if set := movesCaches(s.run); set != "" && s.role() == "" {
				found = append(found, finding.Warnf(finding.Advise("set it in env of the job"), "%s: job %s: the step sets %s, which is not what was restored and is saved", s.at, j.name, set))
			}
			if m := cleans.FindString(s.run); m != "" {
				found = append(found, finding.Warnf(finding.Advise("remove the command; gocache gc and --max-size keep caches small"), "%s: job %s: %q removes what was restored, and the save stores what is left", s.at, j.name, m))
			}
		}
		return found
	}, func(p pipeline) []finding.Finding { return p.paths() }, "all steps use the directories that are restored")
}

// checkCIPermissions: jobs have the permissions that what they use of gocache needs.
func checkCIPermissions(_ context.Context, f *Facts) []finding.Finding {
	return eachJob(f, func(j ciJob) (found []finding.Finding) {
		for _, s := range j.steps {
			role := s.role()
			named := s.with["role-to-assume"] != "" || j.env["GOCACHE_ACTION_ROLE_TO_ASSUME"] != ""
			if role != "" && named && !j.mayWriteTo("id-token") {
				found = append(found, finding.Failf(finding.Advise("permissions: { contents: read, id-token: write } for the job"), "%s: job %s assumes a role, and has no permission to ask for its OIDC token", s.at, j.name))
			}
			bucket := s.with["bucket"] != "" || s.with["store"] != "" && s.with["store"] != "actions"
			if role == "gc" && !bucket && j.granted != nil && !j.mayWriteTo("actions") {
				found = append(found, finding.Failf(finding.Advise("permissions: { actions: write } for the job"), "%s: job %s removes entries of the cache of the repository, and has no permission for it", s.at, j.name))
			}
		}
		return found
	}, func(p pipeline) []finding.Finding { return p.tokens() }, "jobs have the permissions that they need")
}

// eachJob judges the jobs that use gocache, and the pipeline of GitLab.
func eachJob(f *Facts, judge func(ciJob) []finding.Finding, gitlab func(pipeline) []finding.Finding, well string) []finding.Finding {
	var wrong []finding.Finding
	jobs := 0
	for _, w := range f.workflows() {
		if w.err != nil {
			wrong = append(wrong, unknown("%s cannot be read: %v", w.name, w.err))
		}
		for _, j := range w.jobs {
			if slices.ContainsFunc(j.steps, func(s ciStep) bool { return s.role() != "" }) {
				jobs++
				wrong = append(wrong, judge(j)...)
			}
		}
	}
	p, err := f.pipeline()
	if err != nil {
		wrong = append(wrong, unknown("%s cannot be read: %v", pipelineFile, err))
	}
	jobs += len(p.jobs)
	wrong = append(wrong, gitlab(p)...)
	if jobs == 0 {
		return or(wrong, finding.Okf("no job of GitHub or GitLab uses gocache"))
	}
	return or(wrong, finding.Okf("%s with gocache: %s", quantity.Counted(jobs, "job"), well))
}
