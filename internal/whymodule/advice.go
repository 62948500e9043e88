package whymodule

import (
	"cmp"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/finding"
)

// advise gives the one piece of advice that helps most. The rules are in the order in which causes
// hide each other: what is replaced does not depend on what proxies say.
func advise(f *Facts) finding.Remedy {
	for _, rule := range []func(*Facts) *finding.Remedy{
		adviseDir, adviseReplace, adviseVendor, adviseExclude, adviseMoved, advisePackage, adviseTags, advisePrivate, adviseUnknown, adviseLag, adviseStop, adviseAbsent,
		adviseRepository, adviseMajor, adviseSelect,
	} {
		if a := rule(f); a != nil {
			return *a
		}
	}
	return finding.Remedy{}
}

func adviceOf(command, format string, args ...any) *finding.Remedy {
	return &finding.Remedy{Command: command, Advice: fmt.Sprintf(format, args...)}
}

// get is how a version is asked for.
func get(f *Facts) string { return "go get " + finding.Word(f.Path+"@"+cmp.Or(f.Goal, f.Query)) }

// getDirect is get, from the repository, whatever GOPROXY says.
func getDirect(f *Facts) string { return finding.With("GOPROXY", "direct", get(f)) }

// set is how a setting is changed where it comes from.
func (s Settings) set(name, value string) string {
	if s.Source[name] == FromEnvironment {
		return finding.Export(name, finding.Word(value))
	}
	return "go env -w " + name + "=" + finding.Word(value)
}

func adviseDir(f *Facts) *finding.Remedy {
	switch {
	case f.Project == nil || f.Project.Dir == "":
		return nil
	case f.Project.GoWork == "":
		return adviceOf("", "nothing to do: it is this project itself")
	}
	return adviceOf("go work edit -dropuse="+finding.Word(f.Project.Use), "%s uses the files in that directory, whatever is published", filepath.Base(f.Project.GoWork))
}

func adviseReplace(f *Facts) *finding.Remedy {
	d := f.replacement()
	if d == nil || f.Local == "" && (f.Goal == f.Project.Selected || f.Goal == "") {
		return nil
	}
	old := f.Path
	if d.Version != "" {
		old += "@" + d.Version
	}
	command := "go mod edit -dropreplace=" + old
	if d.File == f.Project.GoWork {
		command = "go work edit -dropreplace=" + old
	} else {
		command += f.Project.otherFile(d.File)
	}
	return adviceOf(command, "%s replaces the module by %s, so that no version of it is built", d.at(), d.By)
}

// otherFile is the argument that names a go.mod of a workspace, if it is not that of the project.
func (p *Project) otherFile(name string) string {
	if name == p.GoMod || p.GoWork == "" {
		return ""
	}
	return " " + finding.Word(name)
}

func adviseVendor(f *Facts) *finding.Remedy {
	p := f.Project
	if p == nil || !p.isVendorStale() {
		return nil
	}
	command := "go mod vendor"
	if p.GoWork != "" {
		command = "go work vendor"
	}
	return adviceOf(command, "builds read the vendor directory, which is not of this go.mod")
}

func adviseExclude(f *Facts) *finding.Remedy {
	d := f.excluded(f.Goal)
	if d == nil {
		if top := highest(f.all()); top != "" && !isRevision(f.Query) && f.Newest.retracted(top) == nil {
			d = f.excluded(top)
		}
	}
	if d == nil {
		return nil
	}
	return adviceOf("go mod edit -dropexclude="+f.Path+"@"+d.Version+f.Project.otherFile(d.File), "%s excludes that version", d.at())
}

func adviseMoved(f *Facts) *finding.Remedy {
	for _, v := range f.compared() {
		here, repo, signed := f.hashesOf(v), f.Repository.Hashes[v], f.Sums[v].Hash
		published := cmp.Or(signed, here["go.sum"], here["module cache"]) // as it was first
		switch {
		case repo != "" && published != "" && repo != published:
			tag := tagName(f.Repository.Subdir, patched(v))
			return adviceOf(publish(tag, ""),
				"in the repository: the tag of %s was moved after others had fetched it, and they rightly refuse it: publish the next version", v)
		case differ(here) && f.cached(v) != nil && f.cached(v).Hash != "" && f.cached(v).Hash != cmp.Or(signed, here["go.sum"]):
			return adviceOf(finding.Then(f.cached(v).Removal, "go mod download "+f.Path+"@"+v), "what the module cache has of %s is not what was published", v)
		case differ(here):
			return adviceOf("", "remove the lines of %s %s from go.sum, which are not what was published; then: go mod download %s@%s", f.Path, v, f.Path, v)
		}
	}
	return nil
}

// publish is the command that makes a version, of a commit or of another tag.
func publish(tag, of string) string {
	command := "git tag " + finding.Word(tag)
	if of != "" {
		command += " " + finding.Word(of)
	}
	return finding.Then(command, "git push origin "+finding.Word(tag))
}

// patched is the next patch release.
func patched(v string) string {
	numbers := strings.TrimPrefix(semver.Canonical(v), "v")
	numbers, _, _ = strings.Cut(numbers, "-")
	var a, b, c int
	if _, err := fmt.Sscanf(numbers, "%d.%d.%d", &a, &b, &c); err != nil {
		return v
	}
	return fmt.Sprintf("v%d.%d.%d", a, b, c+1)
}

// adviseTags: what was tagged is no version.
func adviseTags(f *Facts) *finding.Remedy {
	for _, n := range f.near() {
		switch {
		case n.Path == "":
			return adviceOf(publish(n.Right, n.Tag), "in the repository: the tag %s is no version of this module: %s", n.Tag, n.Why)
		case f.Repository.OtherError != "":
			return adviceOf("go mod edit -module="+n.Path, "in the repository, then tag the next version: %s needs a go.mod that says so", n.Version)
		case isRevision(f.Query):
			return adviceOf("go get "+n.Path+"@"+n.Version, "%s", n.Why)
		}
	}
	if f.Repository.QueryErr != "" && isVersion(f.Query) && len(f.Repository.Tags) > 0 && f.tagOf(f.Query) == nil {
		name := tagName(f.Repository.Subdir, f.Query)
		return adviceOf("git push origin "+name, "in the repository: it has no tag %s", name)
	}
	return nil
}

func advisePrivate(f *Facts) *finding.Remedy {
	if !f.isPrivate() {
		return nil
	}
	value := privatePattern(f.Path)
	if f.Settings.GOPRIVATE != "" {
		value = f.Settings.GOPRIVATE + "," + value
	}
	name := "GOPRIVATE"
	if f.Settings.Source["GONOPROXY"] != "" {
		name, value = "GONOPROXY", strings.TrimPrefix(f.Settings.GONOPROXY+","+privatePattern(f.Path), ",")
	}
	return adviceOf(f.Settings.set(name, value), "the repository has %s and no proxy knows the module: it is private, and has to be asked for there alone", f.Goal)
}

// adviseUnknown: the version can be fetched, and the checksum database refuses.
func adviseUnknown(f *Facts) *finding.Remedy {
	if !f.Sums[f.Goal].Unknown || f.hashesOf(f.Goal)["go.sum"] != "" || !f.canBeFetched(f.Goal) {
		return nil
	}
	if f.isPublic() { // a version that is new
		return adviceOf("", "wait %d min: the checksum database has not seen %s yet", int(publicWait.Minutes()), f.Goal)
	}
	value := strings.TrimPrefix(f.Settings.GONOSUMDB+","+privatePattern(f.Path), ",")
	return adviceOf(f.Settings.set("GONOSUMDB", value), "the module can be fetched, and the public checksum database cannot know it")
}

// adviseLag: a proxy has an older answer than the repository.
func adviseLag(f *Facts) *finding.Remedy {
	i, stops := f.believed()
	if i < 0 || stops || !f.Proxies[i].IsURL {
		return nil
	}
	p := &f.Proxies[i]
	if f.serves(p) || !f.published(f.Goal) || f.settled() {
		return nil
	}
	r := p.asked(f.Query)
	switch {
	case p.Gocache:
		return adviceOf("gocache proxy refresh --server "+bare(p.Name)+" "+f.Path, "it makes the proxy ask the repository now, which has %s", f.Goal)
	case !isRevision(f.Query) && p.Goal.OK():
		return adviceOf(get(f), "only the list of %s is old%s: by its name it serves the version", bare(p.Name), oldText(r))
	case f.Sums[f.Goal].Unknown:
		return adviceOf("", "wait %s: %s and the checksum database have not seen %s yet", wait(f, p, r), bare(p.Name), f.Goal)
	}
	return adviceOf(getDirect(f), "the repository has %s, and the answer of %s is older%s", f.Goal, bare(p.Name), until(f, p, r))
}

// publicWait is how long the public mirror may remember that a version does not exist
// (https://proxy.golang.org).
const publicWait = 30 * time.Minute

// isPublic reports whether a proxy is the public mirror.
func (p *Proxy) isPublic() bool { return strings.HasPrefix(p.Name, "https://proxy.golang.org") }

// wait is how long the answer of a proxy may still be old.
func wait(f *Facts, p *Proxy, r Reply) string {
	left := r.MaxAge - max(0, r.Age)
	if p.isPublic() {
		left = publicWait
	}
	if left <= 0 {
		return "some minutes"
	}
	return fmt.Sprintf("%d min", int((left+time.Minute-1)/time.Minute))
}

func until(f *Facts, p *Proxy, r Reply) string {
	if wait := wait(f, p, r); wait != "some minutes" {
		return "; or wait " + wait
	}
	return ""
}

// bare is a URL without what is in the place of a user.
func bare(name string) string {
	u, err := url.Parse(name)
	if err != nil {
		return name
	}
	u.User = nil
	return u.String()
}

// advisePackage: the name is not of a module.
func advisePackage(f *Facts) *finding.Remedy {
	if !mayBePackage(f) {
		return nil
	}
	return adviceOf("gocache doctor "+f.Project.Contains, "the project has that module, and the name may be of a package in it: nobody knows a version of a module of this name")
}

// adviseStop: a proxy fails, and the list does not allow to go on.
func adviseStop(f *Facts) *finding.Remedy {
	i, stops := f.believed()
	if i < 0 || !stops {
		return nil
	}
	p := &f.Proxies[i]
	r := p.asked(f.Query)
	switch {
	case p.Name == "off" && f.cached(f.Goal) != nil && f.Goal != f.selected():
		return adviceOf(get(f), "it is in the module cache")
	case p.Name == "off" && f.cached(f.Goal) == nil:
		return adviceOf(getDirect(f), "GOPROXY=off forbids to ask anybody, and the module cache does not have it")
	case p.Name == "off":
		return nil
	case f.OtherLogin && r.denied():
		return adviceOf("go list -m -versions "+f.Path, "%s answers %d without credentials, and GOAUTH gives them to the go command alone: see what it says", bare(p.Name), r.Status)
	case r.denied() && !p.isPublic():
		return adviceOf("", "give the credentials for %s in .netrc (machine, login, password), or by GOAUTH: it answers %d", bare(p.Name), r.Status)
	case f.settled():
		return nil
	case f.published(f.Goal):
		return adviceOf(getDirect(f), "%s %s, and GOPROXY does not let the go command go on; the repository has %s", bare(p.Name), r.trouble(), f.Goal)
	case r.strange():
		return adviceOf("", "correct the URL %s in GOPROXY, or log in where the network demands it: it %s", bare(p.Name), r.trouble())
	}
	return adviceOf("", "%s has to answer again (%s): GOPROXY does not let the go command go on to another", bare(p.Name), strings.TrimSpace(statusText(r)+" "+r.Error))
}

// adviseAbsent: nobody in GOPROXY has it, and there is no direct.
func adviseAbsent(f *Facts) *finding.Remedy {
	i, _ := f.believed()
	if i >= 0 || f.settled() {
		return nil
	}
	if f.published(f.Goal) {
		return adviceOf(getDirect(f), "the repository has %s, and nobody in GOPROXY does", f.Goal)
	}
	return adviceOf("", "check the name: nobody in GOPROXY knows %s", f.Target)
}

// adviseRepository: the repository is to be asked and cannot be.
func adviseRepository(f *Facts) *finding.Remedy {
	r := &f.Repository
	if f.settled() || !f.needsRepository() || r.Error == "" && r.QueryErr == "" && (r.NotAsked == "" || r.NotAsked == "--no-vcs") {
		return nil
	}
	switch {
	case r.NotAsked != "":
		return adviceOf(f.Settings.set("GOVCS", f.Path+":git,"+f.Settings.GOVCS), "no proxy has the module, and GOVCS forbids git for it")
	case isForbidden(r.Error):
		return adviceOf("git ls-remote https://"+strings.TrimPrefix(cmp.Or(bare(r.URL), f.Path), "https://"), "the repository wants credentials: this has to work first, by an SSH key and insteadOf, a credential helper or .netrc")
	case r.QueryErr != "" && r.Error == "":
		return adviceOf("", "check the name: the repository has no %s", f.Query)
	}
	return adviceOf("", "check the name and the network: the repository could not be asked: %s", r.Error)
}

// isForbidden reports whether an error of git or of a server asks for credentials.
func isForbidden(text string) bool {
	text = strings.ToLower(text)
	for _, part := range []string{"terminal prompts disabled", "could not read username", "could not read password", "permission denied", "authentication", "publickey", "401", "403", "access denied"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// adviseMajor: all is well, and there is a higher major version.
func adviseMajor(f *Facts) *finding.Remedy {
	n := f.otherMajor()
	if n == nil || f.selected() != "" && f.selected() != f.Goal {
		return nil
	}
	return adviceOf("go get "+n.Path+"@"+n.Version, "%s, which are imported by that name", n.Why)
}

// adviseSelect: the version can be had.
func adviseSelect(f *Facts) *finding.Remedy {
	p := f.Project
	switch {
	case f.Goal == "" && f.selected() != "":
		return adviceOf("", "nothing to do: nobody knows a version for %s, and %s is selected", f.Query, f.selected())
	case f.Goal == "":
		return adviceOf("", "check the name: nobody knows a version for %s", f.Query)
	case p == nil:
		return adviceOf("", "nothing to do: %s can be had", f.Goal)
	case p.Selected == "":
		return adviceOf(get(f), "%s can be had, and nothing in this project needs the module yet", f.Goal)
	case p.Selected == f.Goal:
		return adviceOf("", "nothing to do: %s is selected, and is what %s means", f.Goal, f.Query)
	case semver.Compare(p.Selected, f.Goal) < 0:
		return adviceOf(get(f), "%s can be had, but nobody in this project demands it: the go command takes what is demanded, not what is newest", f.Goal)
	}
	return adviseLower(f)
}

// adviseLower: a higher version is selected than the one that was asked for.
func adviseLower(f *Facts) *finding.Remedy {
	if !isRevision(f.Query) {
		return adviceOf("", "nothing to do: %s is selected, which is higher than %s, the newest for %s", f.selected(), f.Goal, f.Query)
	}
	for _, d := range f.Project.Demands {
		if semver.Compare(d.Version, f.Goal) > 0 && strings.Contains(d.By(), "@") {
			return adviceOf(get(f), "%s demands %s: the command goes back to an older version of that, too", d.By(), d.Version)
		}
	}
	return adviceOf(get(f), "go.mod demands %s, and nobody else does", f.selected())
}
