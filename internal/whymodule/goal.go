package whymodule

import (
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// goalOf finds the version that the query means, with what everybody who was asked knows: what the
// repository has counts as published, also where no proxy has seen it.
func goalOf(f *Facts) string {
	if isRevision(f.Query) {
		return f.revision()
	}
	var matching []string
	for _, v := range f.all() {
		if matches(f.Query, v, f.selected()) && f.Newest.retracted(v) == nil && f.excluded(v) == nil {
			matching = append(matching, v)
		}
	}
	if goal := highest(matching); goal != "" || f.Query != "latest" && f.Query != "upgrade" {
		if strings.HasPrefix(f.Query, ">") { // the nearest
			return lowest(matching)
		}
		return goal
	}
	for _, p := range f.Proxies { // a module without versions: a commit
		if p.Latest.Version != "" {
			return p.Latest.Version
		}
	}
	return ""
}

// all are the versions that anybody knows.
func (f *Facts) all() []string {
	list := slices.Clone(f.Repository.Versions)
	for _, p := range f.Proxies {
		list = append(list, p.List.Versions...)
	}
	return list
}

// selected is the version that the project gets; "" if it gets none.
func (f *Facts) selected() string {
	if f.Project == nil {
		return ""
	}
	return f.Project.Selected
}

// excluded returns the line that excludes a version; nil if there is none.
func (f *Facts) excluded(version string) *Directive {
	if f.Project == nil {
		return nil
	}
	for i, d := range f.Project.Excludes {
		if d.Version == version {
			return &f.Project.Excludes[i]
		}
	}
	return nil
}

// published reports whether the repository has a version.
func (f *Facts) published(version string) bool {
	return version != "" && (slices.Contains(f.Repository.Versions, version) || f.Repository.Query == version)
}

// isModule reports whether anybody knows the module by its name.
func isModule(f *Facts) bool {
	known := len(f.all()) > 0 || f.Repository.Query != ""
	for _, p := range f.Proxies {
		known = known || p.Query.OK() || p.Latest.OK()
	}
	return known
}

// mayBePackage reports whether the name may be of a package: a module of the project contains it,
// and nobody knows a module of this name.
func mayBePackage(f *Facts) bool {
	p := f.Project
	return p != nil && p.Selected == "" && p.Contains != "" && !isModule(f)
}

// settled reports whether the project has the version that the query means, so that nobody has to
// be asked for it any more.
func (f *Facts) settled() bool {
	c := f.cached(f.Goal)
	return f.Goal != "" && f.selected() == f.Goal && c != nil && c.Tree
}

// canBeFetched reports whether the go command gets a version from whom it believes.
func (f *Facts) canBeFetched(version string) bool {
	i, stops := f.believed()
	if i < 0 || stops {
		return false
	}
	if p := &f.Proxies[i]; p.IsURL {
		return version == f.Goal && f.serves(p)
	}
	return f.published(version)
}

// revision is the version that a version, branch or commit means.
func (f *Facts) revision() string {
	if f.Repository.Query != "" { // for v2.0.0 perhaps v2.0.0+incompatible
		return f.Repository.Query
	}
	if isVersion(f.Query) {
		return f.Query
	}
	for _, p := range f.Proxies {
		if p.Query.Version != "" {
			return p.Query.Version
		}
	}
	return ""
}

// matches reports whether a query of versions means, among others, this one.
func matches(query, v, selected string) bool {
	for _, op := range comparisons {
		bound, ok := strings.CutPrefix(query, op)
		if !ok {
			continue
		}
		switch c := semver.Compare(v, bound); op {
		case "<=":
			return c <= 0
		case "<":
			return c < 0
		case ">=":
			return c >= 0
		default:
			return c > 0
		}
	}
	switch {
	case query == "patch" && selected != "":
		return semver.MajorMinor(v) == semver.MajorMinor(selected)
	case semver.IsValid(query): // v1 or v1.2
		return v == query || strings.HasPrefix(v, query+".")
	}
	return true
}

// highest is the version that queries prefer: the highest release, or without one the highest of
// all; compatible ones first.
func highest(list []string) string {
	return best(list, func(a, b string) bool { return semver.Compare(a, b) > 0 })
}

// lowest is what a query such as >=v1.2 means.
func lowest(list []string) string {
	return best(list, func(a, b string) bool { return semver.Compare(a, b) < 0 })
}

func best(list []string, better func(a, b string) bool) string {
	found, rank := "", -1
	for _, v := range list {
		r := 0
		if semver.Prerelease(v) == "" {
			r += 2
		}
		if semver.Build(v) == "" {
			r++
		}
		if r > rank || r == rank && better(v, found) {
			found, rank = v, r
		}
	}
	return found
}

// has reports whether the list of a proxy has a version.
func (p *Proxy) has(version string) bool { return slices.Contains(p.List.Versions, version) }

// asked is the answer that decides whether the go command believes a proxy.
func (p *Proxy) asked(query string) Reply {
	if isRevision(query) {
		return p.Query
	}
	if p.List.OK() && len(p.List.Versions) == 0 {
		return p.Latest // a module without versions
	}
	return p.List
}

// believed returns the element of GOPROXY whose answer the go command takes; -1 if it takes none,
// which at stops at an element that failed and does not let it go on.
func (f *Facts) believed() (i int, stops bool) { return f.believedOf(len(f.Proxies)) }

// believedOf is believed, of the first n elements.
func (f *Facts) believedOf(n int) (i int, stops bool) {
	for i := range n {
		p := &f.Proxies[i]
		if !p.IsURL {
			return i, p.Name == "off"
		}
		switch r := p.asked(f.Query); {
		case r.OK():
			return i, false
		case r.Absent() || p.FallBack:
		default:
			return i, true
		}
	}
	return -1, false
}

// serves reports whether a proxy serves the version that the query means, when asked as the go
// command would for this query.
func (f *Facts) serves(p *Proxy) bool {
	if isRevision(f.Query) {
		return p.Query.OK() && (p.Query.Version == f.Goal || f.Goal == "")
	}
	return p.has(f.Goal) || f.Goal != "" && p.asked(f.Query).Version == f.Goal
}
