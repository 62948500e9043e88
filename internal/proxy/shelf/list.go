package shelf

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Version is a version of which there is a module object.
type Version struct {
	Version string
	// Sums are the hashes that it has, those first that are stored whole.
	Sums  []string
	whole int // so many of Sums
}

// Stored lists the versions of a module that have a module object, in their order. It is for a
// proxy without access to anything else: all other requests find what they need by name. It returns
// errors.ErrUnsupported for a store that cannot list.
func (s *Shelf) Stored(ctx context.Context, modPath string) ([]Version, error) {
	lister, ok := s.Store.(store.Collector)
	if !ok {
		return nil, fmt.Errorf("%s cannot be listed", s.Store)
	}
	prefix, err := snapshot.ModuleVersions(modPath)
	if s.Private {
		prefix, err = snapshot.ScopedModuleVersions(s.Repo, s.Scope, modPath)
	}
	if err != nil {
		return nil, err
	}
	found := map[string]*Version{}
	for e, err := range lister.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		dir, hash := path.Split(strings.TrimPrefix(e.Name, prefix))
		version, err := module.UnescapeVersion(strings.TrimSuffix(dir, "/"))
		raw, err2 := hex.DecodeString(strings.TrimSuffix(hash, snapshot.DeltaObject("")))
		if err != nil || err2 != nil || len(raw) != 32 || !semver.IsValid(version) {
			continue // not written by this program
		}
		v := found[version]
		if v == nil {
			v = &Version{Version: version}
			found[version] = v
		}
		v.add("h1:"+base64.StdEncoding.EncodeToString(raw), !snapshot.IsDelta(e.Name))
	}
	var list []Version
	for _, v := range found {
		list = append(list, *v)
	}
	slices.SortFunc(list, func(a, b Version) int { return semver.Compare(a.Version, b.Version) })
	return list, nil
}

// add notes an object. A version can be stored whole and as a delta.
func (v *Version) add(sum string, whole bool) {
	i := slices.Index(v.Sums, sum)
	switch {
	case !whole && i < 0:
		v.Sums = append(v.Sums, sum)
	case whole && (i < 0 || i >= v.whole):
		if i >= 0 {
			v.Sums = slices.Delete(v.Sums, i, i+1)
		}
		v.Sums = slices.Insert(v.Sums, v.whole, sum)
		v.whole++
	}
}

// listLimit is how many deltas are looked at at once.
const listLimit = 8

// Readable leaves those of a list that can be read: of a delta, the base must be there as well. The
// bases of deltas are looked up; objects that are stored whole are not read.
func (s *Shelf) Readable(ctx context.Context, modPath string, list []Version) ([]Version, error) {
	kept := make([]Version, len(list))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(listLimit)
	for i, v := range list {
		g.Go(func() (err error) {
			kept[i] = Version{Version: v.Version, Sums: slices.Clone(v.Sums[:v.whole]), whole: v.whole}
			for _, sum := range v.Sums[v.whole:] {
				_, err := s.Objects(ctx, module.Version{Path: modPath, Version: v.Version}, sum)
				switch {
				case err == nil:
					kept[i].Sums = append(kept[i].Sums, sum)
				case store.IsFailure(err):
					return err
				}
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.DeleteFunc(kept, func(v Version) bool { return len(v.Sums) == 0 }), err
}
