package stats

import (
	"context"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
)

// Modules is what a GOMODCACHE consists of. Bytes are those in files, not the blocks that they
// take.
type Modules struct {
	Dir   string `json:"dir"`
	Total Amount `json:"total"` // versions with a tree or a zip; bytes of everything
	// Kinds are trees, zips, files of cache/download, and cloned repositories.
	Kinds    []Row `json:"kinds"`
	Versions Group `json:"versions"` // path@version: tree and zip
	Paths    Group `json:"paths"`    // modules, each with all its versions
	Clones   Group `json:"clones"`   // repositories in cache/vcs, by where they come from
	Ages     []Row `json:"ages"`     // versions by their last use
	// UnknownUse means that the file system does not record reads: Ages are times of arrival.
	UnknownUse bool       `json:"unknownUse,omitempty"`
	Duplicates Duplicates `json:"duplicates"`
}

// The kinds of what is in a module cache.
const (
	kindTrees    = "module trees"
	kindZips     = "zips"
	kindMetadata = "download metadata" // .info, .mod, .ziphash, list, lock
	kindSumDB    = "checksum database"
	kindClones   = "cloned repositories"
)

// usedModule is one version, with what the file system says of it.
type usedModule struct {
	modcache.Module
	use modcache.Use
	err error
}

// CollectModules reads a module cache. What cannot be read is a warning.
func CollectModules(ctx context.Context, dir string, now time.Time) (*Modules, []string, error) {
	var left unread
	cache := modcache.Open(dir, modcache.Options{Unread: func(_ string, err error) { left.add(err) }})
	used, err := useOf(ctx, cache, &left)
	if err != nil {
		return nil, left.warnings(moduleCache), err
	}
	sizes, err := modcache.MeasureDownloads(ctx, cache)
	if err != nil {
		return nil, left.warnings(moduleCache), err
	}
	clones, err := cache.Clones()
	warnings := left.warnings(moduleCache)
	if err != nil {
		return nil, warnings, err
	}
	m := sumModules(used, sizes, clones, cache.RecordsReads(), now)
	m.Dir = filepath.Clean(dir)
	m.Duplicates, err = findDuplicates(ctx, cache, used, clones)
	return m, warnings, err
}

const moduleCache = "module cache"

// useOf lists the versions with their use.
func useOf(ctx context.Context, cache *modcache.Cache, left *unread) ([]usedModule, error) {
	found, err := cache.Scan(ctx)
	if err != nil {
		return nil, err
	}
	used := make([]usedModule, len(found))
	err = install.Each(ctx, len(found), 2*runtime.GOMAXPROCS(0), func(i int) {
		used[i].Module = found[i]
		if m := found[i]; m.HasTree || m.HasZip {
			used[i].use, used[i].err = cache.Use(m.Version, time.Time{})
		}
	})
	for _, u := range used {
		if u.err != nil {
			left.add(u.err)
		}
	}
	return used, err
}

// sumModules adds up what was found. It is pure.
func sumModules(used []usedModule, sizes modcache.DownloadSizes, clones []modcache.Clone, recordsReads bool, now time.Time) *Modules {
	m := &Modules{UnknownUse: true}
	versions, paths, byAge := sums{}, sums{}, ages{now: now}
	var trees Amount
	for _, u := range used {
		if !u.HasTree && !u.HasZip {
			continue
		}
		bytes := u.use.Bytes + u.use.Zip
		m.Total.Count++
		versions.add(u.Version.String(), 1, bytes)
		paths.add(u.Version.Path, 1, bytes)
		byAge.add(u.use.Last(), 1, bytes)
		if u.HasTree {
			trees.Add(u.use.Bytes)
		}
		if recordsReads && !u.use.Read.IsZero() {
			m.UnknownUse = false
		}
	}
	repos := sums{}
	var cloned Amount
	for _, c := range clones {
		repos.add(remoteName(c), 1, c.Bytes)
		cloned.Add(c.Bytes)
	}
	m.Kinds = []Row{
		{kindTrees, trees}, {kindZips, amountOf(sizes.Zips)}, {kindMetadata, amountOf(sizes.Metadata)},
		{kindSumDB, amountOf(sizes.SumDB)}, {kindClones, cloned},
	}
	for _, k := range m.Kinds {
		m.Total.Bytes += k.Bytes
	}
	m.Versions, m.Paths, m.Clones, m.Ages = versions.group(MaxRows), paths.group(MaxRows), repos.group(MaxRows), byAge.rows()
	return m
}

func amountOf(f modcache.Files) Amount { return Amount{Count: f.Count, Bytes: f.Bytes} }

// treeFiles lists the files of the tree of a version, by their names in it.
func treeFiles(cache *modcache.Cache, v module.Version) (names []string, files []modcache.File, err error) {
	_, prefix, err := modcache.Prefixes(v)
	if err != nil {
		return nil, nil, err
	}
	all, err := cache.Files(v)
	for _, f := range all {
		if len(f.Name) > len(prefix) && f.Name[:len(prefix)] == prefix {
			names = append(names, f.Name[len(prefix):])
			files = append(files, f)
		}
	}
	return names, files, err
}
