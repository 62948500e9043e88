package whymodule

import (
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// tagName is the tag that makes a version of a module in a directory of its repository.
func tagName(subdir, version string) string {
	version = strings.TrimSuffix(version, "+incompatible")
	if subdir == "" {
		return version
	}
	return subdir + "/" + version
}

// A nearTag is a tag that somebody may have meant as a version, and that is none of this module.
type nearTag struct {
	Tag     string
	Version string // that it would be
	Why     string
	Right   string // the tag that would count
	Path    string // the module whose version it may be, if it is not of this one
}

// loose are tags that look like versions: with or without "v", with two or three numbers, behind a
// word such as release.
var loose = regexp.MustCompile(`^(?:[A-Za-z]+[-_/]?)??[vV]?(\d+)\.(\d+)(?:\.(\d+))?((?:-[0-9A-Za-z.-]+)?)$`)

// nearTags lists the tags that look like versions and are none of the module.
func nearTags(path, subdir string, tags []Tag) (list []nearTag) {
	prefix, pathMajor, _ := module.SplitPathVersion(path)
	for _, t := range tags {
		name := t.Name
		if subdir != "" {
			rest, ok := strings.CutPrefix(name, subdir+"/")
			if !ok {
				if isVersion(name) && module.CheckPathMajor(name, pathMajor) == nil {
					list = append(list, nearTag{Tag: name, Version: name, Right: tagName(subdir, name),
						Why: "the module lies in the directory " + subdir + ", and its tags begin with " + subdir + "/"})
				}
				continue
			}
			name = rest
		}
		if n, ok := nearTagOf(name, prefix, pathMajor, subdir); ok {
			n.Tag = t.Name
			list = append(list, n)
		}
	}
	return list
}

// nearTagOf judges one tag, without the directory of its module.
func nearTagOf(name, prefix, pathMajor, subdir string) (n nearTag, near bool) {
	if isVersion(name) {
		if module.CheckPathMajor(name, pathMajor) == nil {
			return n, false
		}
		other := prefix
		if major := semver.Major(name); major != "v0" && major != "v1" {
			other += "/" + major
		}
		return nearTag{Version: name, Path: other, Right: name,
			Why: "versions of " + semver.Major(name) + " are of the module " + other}, true
	}
	m := loose.FindStringSubmatch(name)
	if m == nil {
		return n, false
	}
	patch := m[3]
	if patch == "" {
		patch = "0"
	}
	v := "v" + m[1] + "." + m[2] + "." + patch + m[4]
	if !semver.IsValid(v) || module.CheckPathMajor(v, pathMajor) != nil {
		return n, false
	}
	return nearTag{Version: v, Right: tagName(subdir, v), Why: "a version is a tag such as v1.2.3: three numbers behind a v"}, true
}

// isVersion reports whether a tag is a version of some module.
func isVersion(name string) bool { return module.CanonicalVersion(name) == name && name != "" }

// near lists the tags that may have been meant: those of the version that was asked for, else those
// above all versions that the module has.
func (f *Facts) near() (list []nearTag) {
	top := highest(f.Repository.Versions)
	for _, n := range nearTags(f.Path, f.Repository.Subdir, f.Repository.Tags) {
		switch {
		case f.published(n.Version) || f.published(n.Version+"+incompatible"):
		case isRevision(f.Query):
			if f.Repository.Query == "" && (n.Version == f.Query || n.Tag == f.Query) {
				list = append(list, n)
			}
		case n.Right != n.Tag && n.Path == "" && strings.HasSuffix(n.Right, "/"+n.Version) && top != "":
			// In a repository with several modules, tags of the root are those of another one.
		case semver.Compare(n.Version, top) > 0:
			list = append(list, n)
		}
	}
	slices.SortStableFunc(list, func(a, b nearTag) int { return semver.Compare(b.Version, a.Version) })
	return list
}

// otherMajor is the highest of the tags that belong to another major version; nil if there is none.
func (f *Facts) otherMajor() *nearTag {
	for _, n := range f.near() {
		if n.Path != "" {
			return &n
		}
	}
	return nil
}
