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

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Stored lists the versions of a module that have a module object, with the hashes that they have,
// the versions in their order. It is for a proxy without access to anything else: all other
// requests find what they need by name. It returns errors.ErrUnsupported for a store that cannot
// list.
func (s *Shelf) Stored(ctx context.Context, modPath string) (versions []string, sums map[string][]string, err error) {
	lister, ok := s.Store.(store.Collector)
	if !ok {
		return nil, nil, fmt.Errorf("%s cannot be listed", s.Store)
	}
	prefix, err := snapshot.ModuleVersions(modPath)
	if s.Private {
		prefix, err = snapshot.ScopedModuleVersions(s.Repo, s.Scope, modPath)
	}
	if err != nil {
		return nil, nil, err
	}
	sums = map[string][]string{}
	for e, err := range lister.List(ctx, prefix) {
		if err != nil {
			return nil, nil, err
		}
		dir, hash := path.Split(strings.TrimPrefix(e.Name, prefix))
		version, err := module.UnescapeVersion(strings.TrimSuffix(dir, "/"))
		raw, err2 := hex.DecodeString(strings.TrimSuffix(hash, snapshot.DeltaObject("")))
		if err != nil || err2 != nil || len(raw) != 32 || !semver.IsValid(version) {
			continue // not written by this program
		}
		sum := "h1:" + base64.StdEncoding.EncodeToString(raw)
		if !slices.Contains(sums[version], sum) { // whole, and beyond another version
			sums[version] = append(sums[version], sum)
		}
	}
	for v := range sums {
		versions = append(versions, v)
	}
	slices.SortFunc(versions, semver.Compare)
	return versions, sums, nil
}
