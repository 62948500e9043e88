package rebuild

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/modcache"
)

// suffixes are those of the files of a version in cache/download that are set aside. The lock file
// stays: another process could hold it.
var suffixes = []string{".partial", ".zip", ".ziphash", ".info", ".mod"}

// versions lists what go.sum names, of which the tree or only the go.mod is needed.
func versions(o Options) []module.Version {
	set := map[module.Version]bool{}
	for v := range o.Zip {
		set[v] = true
	}
	for v := range o.Mod {
		set[v] = true
	}
	delete(set, module.Version{})
	list := make([]module.Version, 0, len(set))
	for v := range set {
		list = append(list, v)
	}
	module.Sort(list)
	return list
}

// unitsOf names the files of a version: the tree first, without which the go command takes none of
// the others for a version that it has.
func unitsOf(v module.Version) []string {
	tree, err := modcache.TreeName(v)
	if err != nil {
		return nil // no go command has such a version either
	}
	base, err := modcache.DownloadName(v)
	if err != nil {
		return nil
	}
	units := []string{tree}
	for _, suffix := range suffixes {
		units = append(units, base+suffix)
	}
	return units
}

// moduleUnits lists what of the module cache is set aside.
func (r *rebuilding) moduleUnits() (units []string, err error) {
	if r.All {
		return entries(r.modules.dir, false)
	}
	for _, v := range versions(r.Options) {
		for _, unit := range unitsOf(v) {
			if _, err := os.Lstat(r.modules.path(unit)); err == nil {
				units = append(units, unit)
			} else if !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return units, nil
}

// verifySums compares each tree and go.mod that was downloaded with go.sum.
func verifySums(ctx context.Context, o Options) error {
	for _, v := range versions(o) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if wrong := wrong(o, o.ModDir, v); wrong != "" {
			return fmt.Errorf("%s does not match go.sum: %s", v, wrong)
		}
	}
	return nil
}

// wrong says what of a version in a module cache does not match go.sum, "" if nothing does. What is
// not there is not wrong.
func wrong(o Options, dir string, v module.Version) string {
	units := unitsOf(v)
	if units == nil {
		return ""
	}
	at := func(i int) string { return filepath.Join(dir, filepath.FromSlash(units[i])) }
	var list []string
	check := func(what, want, file string, hash func() (string, error)) {
		if _, err := os.Lstat(file); want == "" || errors.Is(err, fs.ErrNotExist) {
			return
		}
		if got, err := hash(); err != nil {
			list = append(list, fmt.Sprintf("%s: %v", what, err))
		} else if got != want {
			list = append(list, fmt.Sprintf("%s has the hash %s, go.sum %s", what, got, want))
		}
	}
	check("tree", o.Zip[v], at(0), func() (string, error) { return dirhash.HashDir(at(0), v.Path+"@"+v.Version, dirhash.Hash1) })
	check("zip", o.Zip[v], at(2), func() (string, error) { return dirhash.HashZip(at(2), dirhash.Hash1) })
	check("go.mod", o.Mod[v], at(5), func() (string, error) {
		data, err := os.ReadFile(at(5))
		return modcache.GoModSum(data), err
	})
	return strings.Join(list, "; ")
}

// A Difference is what was wrong in the old cache.
type Difference struct {
	Module string `json:"module"`
	What   string `json:"what"`
}

// compareModules finds what of the old module cache did not match go.sum, and what differs in
// files that go.sum says nothing about.
func (r *rebuilding) compareModules(ctx context.Context) error {
	old := r.modules.aside(oldDir)
	cache := modcache.Open(old, modcache.Options{})
	for _, v := range versions(r.Options) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		what := wrong(r.Options, old, v)
		if strings.HasPrefix(what, "tree ") {
			if d, err := cache.Deviation(ctx, v, r.Zip[v]); err == nil && d.String() != "" {
				what += " (" + d.String() + ")"
			}
		}
		if what == "" {
			what = otherInfo(r.modules, v)
		}
		if what != "" {
			r.res.Differing = append(r.res.Differing, Difference{v.String(), what})
		}
	}
	return nil
}

// otherInfo says that an .info differs: of what a version is in its repository, which go.sum does
// not prove.
func otherInfo(p *place, v module.Version) string {
	units := unitsOf(v)
	if units == nil {
		return ""
	}
	before, errBefore := os.ReadFile(p.aside(oldDir, units[4]))
	after, errAfter := os.ReadFile(p.path(units[4]))
	if errBefore != nil || errAfter != nil || bytes.Equal(before, after) {
		return ""
	}
	return ".info was " + strings.TrimSpace(string(before))
}

// measureModules sums what of the module cache is new.
func (r *rebuilding) measureModules() {
	if r.All {
		r.res.Modules.After = size(r.ModDir)
		return
	}
	for _, v := range versions(r.Options) {
		for _, unit := range unitsOf(v) {
			r.res.Modules.After += size(r.modules.path(unit))
		}
	}
}

// returnUnused puts versions back that go.sum names and this project did not need: others may.
// Those that go.sum proves wrong are not put back.
func (p *place) returnUnused(ctx context.Context, o Options) error {
	old := p.aside(oldDir)
	for _, v := range versions(o) {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		units := unitsOf(v)
		if units == nil || o.Zip[v] == "" && o.Mod[v] == "" || wrong(o, old, v) != "" {
			continue
		}
		if err := p.returnVersion(units); err != nil {
			return err
		}
	}
	return nil
}

// returnVersion puts the files of a version back whose tree and zip are not there. A .mod and .info
// that are new stay. The tree comes last, when all that the go command asks for is there.
func (p *place) returnVersion(units []string) error {
	for _, i := range []int{0, 2} {
		if _, err := os.Lstat(p.path(units[i])); err == nil {
			return nil
		}
	}
	for _, unit := range slices.Backward(units) {
		if path.Ext(unit) == ".partial" {
			continue
		}
		if _, err := os.Lstat(p.path(unit)); err == nil {
			continue
		}
		if err := move(p.aside(oldDir, unit), p.path(unit)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
