package whymodule

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/finding"
)

// Judge makes findings of facts, and the one piece of advice that helps most.
func Judge(f *Facts) (finding.Findings, finding.Remedy) {
	var list finding.Findings
	for _, check := range []func(*Facts) finding.Findings{
		judgeVersion, judgeReplace, judgeExclude, judgeVendor, judgeRetract, judgeRoute, judgeCache, judgeProxies, judgeRepository, judgeTags, judgeSums,
	} {
		list = append(list, check(f)...)
	}
	return list, advise(f)
}

// one is a finding alone.
func one(check string, status finding.Status, format string, args ...any) finding.Findings {
	return finding.Findings{{Check: check, Status: status, Evidence: fmt.Sprintf(format, args...)}}
}

// shownDemands is how many demands people get to see.
const shownDemands = 6

// judgeVersion says what is selected, and who demands it.
func judgeVersion(f *Facts) finding.Findings {
	p := f.Project
	switch {
	case p == nil && f.NoModules:
		list := one("version", finding.Warn, "the go command is in GOPATH mode, by GO111MODULE, and reads no go.mod: no version is selected")
		list[0].Remedy = finding.Run("gocache doctor --check module-mode")
		return list
	case p == nil:
		return one("version", finding.OK, "there is no go.mod here: no version is selected")
	case p.Dir != "":
		return one("version", finding.OK, "it is a main module, in %s: what lies there is used, and no version", p.Dir)
	case p.GraphError != "":
		return one("version", finding.Fail, "the go command does not say what it selects: %s", p.GraphError)
	case p.Selected == "" && p.Contains != "":
		return one("version", finding.OK, "no module of this project is called so; %s is one, and may have it as a package", p.Contains)
	case p.Selected == "":
		return one("version", finding.OK, "nothing in this project needs it")
	}
	text := p.Selected + " is selected"
	if module.IsPseudoVersion(p.Selected) {
		rev, _ := module.PseudoVersionRev(p.Selected)
		text += ", which is the commit " + rev
	}
	if semver.Build(p.Selected) == "+incompatible" {
		text += "; +incompatible: the repository had no go.mod then"
	}
	if len(p.Demands) > 0 {
		text += ": the highest that anybody demands\n" + demandLines(p.Demands)
	}
	if len(p.Why) > 1 {
		text += "\nimported by way of " + strings.Join(p.Why, " -> ")
	}
	return one("version", finding.OK, "%s", text)
}

// demandLines lists who demands what, the highest version first.
func demandLines(list []Demand) string {
	var lines []string
	for _, d := range list[:min(len(list), shownDemands)] {
		lines = append(lines, d.Version+"  by "+strings.Join(d.Chain, " -> "))
	}
	if more := len(list) - shownDemands; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// at names a line of a module file.
func (d Directive) at() string { return fmt.Sprintf("%s:%d", filepath.Base(d.File), d.Line) }

// replacement is the line by which something else is built than the version that is selected; nil
// if there is none.
func (f *Facts) replacement() *Directive {
	if f.Project == nil || f.Project.Dir != "" {
		return nil
	}
	for i, d := range f.Project.Replaces {
		if d.Version == "" || d.Version == f.Project.Selected {
			return &f.Project.Replaces[i]
		}
	}
	return nil
}

func judgeReplace(f *Facts) finding.Findings {
	d := f.replacement()
	if d == nil {
		return nil
	}
	status := finding.OK
	if f.Goal != "" && f.Goal != f.Project.Selected {
		status = finding.Warn
	}
	return one("replace", status, "%s replaces it by %s: whatever is selected, that is built", d.at(), d.By)
}

func judgeExclude(f *Facts) (list finding.Findings) {
	if f.Project == nil {
		return nil
	}
	for _, d := range f.Project.Excludes {
		status := finding.OK
		if d.Version == f.Query || semver.Compare(d.Version, highest(f.all())) == 0 {
			status = finding.Warn
		}
		list = append(list, one("exclude", status, "%s excludes %s: the go command passes it over", d.at(), d.Version)...)
	}
	return list
}

func judgeVendor(f *Facts) finding.Findings {
	p := f.Project
	switch {
	case p == nil || !p.IsVendor || p.Vendored == "" && p.Selected == "":
		return nil
	case p.Vendored == p.Selected:
		return one("vendor", finding.OK, "builds read the vendor directory, which has this version")
	case !p.isVendorStale():
		return one("vendor", finding.OK, "builds read the vendor directory, and no package of it is needed there")
	case p.Vendored == "":
		return one("vendor", finding.Fail, "builds read the vendor directory, and the module is not in it")
	}
	return one("vendor", finding.Fail, "builds read the vendor directory, which has %s, not %s", p.Vendored, cmp.Or(p.Selected, "nothing"))
}

// isVendorStale reports whether the vendor directory is not of this go.mod. Modules that are only
// demanded by others are in it if packages of them are imported; those of go.mod always are.
func (p *Project) isVendorStale() bool {
	return p.IsVendor && p.Vendored != p.Selected && (p.Vendored != "" || p.Required)
}

func judgeRetract(f *Facts) (list finding.Findings) {
	add := func(status finding.Status, v, what string) {
		if r := f.Newest.retracted(v); r != nil {
			reason := r.Reason
			if reason != "" {
				reason = ": " + strings.Join(strings.Fields(reason), " ")
			}
			list = append(list, one("retract", status, "%s, %s, is retracted by its authors%s", v, what, reason)...)
		}
	}
	if f.selected() != "" {
		add(finding.Warn, f.selected(), "which is selected")
	}
	if top := highest(f.all()); top != f.selected() {
		add(finding.OK, top, "the newest version")
	}
	if f.Newest.Deprecated != "" {
		list = append(list, one("deprecated", finding.Warn, "the module is deprecated: %s", strings.Join(strings.Fields(f.Newest.Deprecated), " "))...)
	}
	return list
}

// judgeRoute says who is asked.
func judgeRoute(f *Facts) finding.Findings {
	var names []string
	for _, p := range f.Proxies {
		names = append(names, p.Name)
	}
	if f.Local != "" {
		return one("route", finding.OK, "nobody is asked: %s", f.Local)
	}
	status, text := finding.OK, "the go command asks "+strings.Join(names, ", then ")+": "+f.Settings.name("GOPROXY", f.Settings.GOPROXY)
	switch {
	case f.Route.Direct != "":
		text = "the go command asks the repository and no proxy: " + f.Route.Direct
	case len(f.Proxies) == 1 && f.Proxies[0].Name == "off":
		text = "the go command asks nobody: " + f.Settings.name("GOPROXY", "off")
		if f.cached(f.Goal) == nil {
			status = finding.Fail
		}
	case f.isPrivate():
		status = finding.Fail
		text += "\nnone of them knows the module, and the repository has it: it seems to be private, and GOPRIVATE does not say so"
	}
	if f.Route.NoSum != "" {
		text += "\nno checksum database is asked: " + f.Route.NoSum
	}
	if f.Route.NoGit != "" {
		text += "\ngit is not used for it: " + f.Route.NoGit
	}
	return one("route", status, "%s", text)
}

// isPrivate reports whether it looks as if proxies were asked about a module that they cannot know:
// the checksum database, which asks the repository itself, does not know it either, or is not
// asked.
func (f *Facts) isPrivate() bool {
	asked := false
	for _, p := range f.Proxies {
		if p.IsURL && (!p.List.Absent() || p.Latest.OK() || p.Query.OK()) {
			return false
		}
		asked = asked || p.IsURL
	}
	unknown := f.Sums[f.Goal].Unknown || f.Route.NoSum != ""
	return asked && f.Route.Direct == "" && f.published(f.Goal) && unknown && !f.isPublic()
}

// cached returns a version in the module cache; nil if it is not there.
func (f *Facts) cached(version string) *Cached {
	for i, c := range f.Cached {
		if c.Version == version {
			return &f.Cached[i]
		}
	}
	return nil
}

func judgeCache(f *Facts) (list finding.Findings) {
	if len(f.Cached) == 0 {
		return one("cache", finding.OK, "no version is in the module cache")
	}
	var names []string
	for _, c := range f.Cached {
		text := c.Version
		if !c.Tree {
			text += " (no files)"
		}
		names = append(names, text)
	}
	last := slices.MaxFunc(f.Cached, func(a, b Cached) int { return a.Fetched.Compare(b.Fetched) })
	text := fmt.Sprintf("%d in the module cache, %s fetched last, %s ago: %s", len(names), last.Version, ago(f.Now.Sub(last.Fetched)), few(names))
	list = one("cache", finding.OK, "%s", text)
	for _, c := range f.Cached {
		if c.Locked {
			list = append(list, one("cache-lock", finding.Warn, "%s is locked: a go command is fetching it, or hangs", c.Version)...)
		}
	}
	return list
}

// few shows the last of many.
func few(list []string) string {
	const most = 5
	if more := len(list) - most; more > 0 {
		return fmt.Sprintf("%d older, ", more) + strings.Join(list[more:], ", ")
	}
	return strings.Join(list, ", ")
}

// judgeSums compares what is known of the content of versions.
func judgeSums(f *Facts) (list finding.Findings) {
	for _, v := range f.compared() {
		list = append(list, f.judgeSum(v)...)
	}
	return list
}

func (f *Facts) judgeSum(v string) finding.Findings {
	known := f.hashesOf(v)
	if hash := f.Repository.Hashes[v]; hash != "" {
		known["repository"] = hash
	}
	sum := f.Sums[v]
	switch {
	case differ(known):
		var lines []string
		for _, who := range slices.Sorted(maps.Keys(known)) {
			lines = append(lines, known[who]+"  "+who)
		}
		return one("checksum", finding.Fail, "%s is not the same everywhere: its tag was moved, or somebody changed it\n%s", v, strings.Join(lines, "\n"))
	case sum.Unknown && (f.published(v) || f.canBeFetched(v)) && known["go.sum"] == "": // or nobody asks
		return one("checksum", finding.Fail, "the checksum database does not know %s: it is private, or was published a moment ago", v)
	case sum.Error != "" && known["go.sum"] == "":
		return one("checksum", finding.Warn, "the checksum database cannot be asked about %s: %s", v, sum.Error)
	}
	if tag := f.tagOf(v); tag != nil && f.Repository.Hashes[v] == "" {
		for who, commit := range f.commitsOf(v) {
			if commit != tag.Commit {
				return one("checksum", finding.Warn, "the tag %s was moved: %s saw it at %.12s, now it is at %.12s", tag.Name, who, commit, tag.Commit)
			}
		}
	}
	if len(known) == 0 {
		return nil
	}
	return one("checksum", finding.OK, "%s: %s", v, sameText(known))
}

// sameText says who agrees.
func sameText(known map[string]string) string {
	who := slices.Sorted(maps.Keys(known))
	if len(who) == 1 {
		return known[who[0]] + " in " + who[0]
	}
	return known[who[0]] + " in " + strings.Join(who[:len(who)-1], ", ") + " and " + who[len(who)-1]
}

func differ(known map[string]string) bool {
	first := ""
	for _, hash := range known {
		if first != "" && hash != first {
			return true
		}
		first = hash
	}
	return false
}
