package graph

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/keys"
)

// ScanOptions say which trees there are.
type ScanOptions struct {
	Modules *modcache.Cache         // nil: the module graph is not saved
	Here    map[module.Version]bool // versions whose trees are here
	Sums    keys.Sums               // of go.sum
	Oldest  int64                   // last use below which a version goes, Unix seconds
	// Private are patterns as in GOPRIVATE, of modules that are left out.
	Private string
	// Foreign reports whether a version that go.sum does not name may be private to another
	// project.
	Foreign func(module.Version) bool
	// BuildDir and Fuzz are where the fuzzing corpus is, and its files.
	BuildDir string
	Fuzz     []buildcache.File
	// HasOwn says that there is a snapshot of the same key. Where that has more of a tree than
	// there is here, it is kept: a job that did not restore has few.
	HasOwn bool
}

// Scan lists the files of the trees, and finds out which trees the store has already: the same
// files make the same sum.
func Scan(ctx context.Context, env collect.Env, o ScanOptions) (l Local, err error) {
	if o.Modules != nil {
		files, err := o.Modules.GraphFiles(ctx)
		if err != nil {
			return l, fmt.Errorf("module cache %s: %w", o.Modules.Dir(), err)
		}
		t := localTree{name: snapshot.TreeModGraph, skips: collect.NewSkips("module cache", o.Modules.Dir())}
		kept, dates := o.keep(env, files)
		l.dates = dates
		for _, f := range kept {
			t.files = append(t.files, treeFile{f.Name, f.Size, func() (*os.File, error) { return o.Modules.OpenFile(f.Name) }})
		}
		if err := l.addTree(ctx, env, o, t, len(files)); err != nil {
			return l, err
		}
	}
	t := localTree{name: snapshot.TreeFuzz, skips: collect.NewSkips("build cache", o.BuildDir)}
	for _, f := range o.Fuzz {
		full := filepath.Join(o.BuildDir, filepath.FromSlash(f.Name))
		t.files = append(t.files, treeFile{f.Name, f.Size, func() (*os.File, error) { return os.Open(full) }})
	}
	return l, l.addTree(ctx, env, o, t, len(t.files))
}

// keep drops the .mod and .info files of versions that no graph needs any more. go.sum names all
// that the graphs of the project need, and the modules of the snapshot keep theirs. The others, of
// tools or of an earlier go.sum, age like modules, and are dated. Those that only other projects of
// the machine use are not saved at all.
func (o ScanOptions) keep(env collect.Env, files []modcache.File) (kept []modcache.File, dates map[module.Version]int64) {
	before := env.Stock.GraphUses()
	dates = map[module.Version]int64{}
	kept = slices.DeleteFunc(slices.Clone(files), func(f modcache.File) bool {
		v, ok := modcache.GraphVersion(f.Name)
		if ok && module.MatchPrefixPatterns(o.Private, v.Path) {
			return true
		}
		if !ok || o.Here[v] || o.Sums.Mod[v] != "" || o.Sums.Zip[v] != "" {
			return false
		}
		use, known := dates[v]
		if !known {
			use = o.lastUse(env, v, before[v])
			if before[v] == 0 && (env.IsBefore(time.Unix(use, 0)) || o.Foreign != nil && o.Foreign(v)) {
				return true
			}
			dates[v] = use
		}
		return use < o.Oldest
	})
	return kept, dates
}

// lastUse decides when the .mod or .info of a version was used last, as package modules does for
// trees. before is what previous saves know.
func (o ScanOptions) lastUse(env collect.Env, v module.Version, before int64) int64 {
	arrived, seen := o.Modules.GraphUse(v)
	if (before == 0 || env.State == nil) && arrived.After(seen) {
		seen = arrived
	}
	return max(before, min(seen.Unix(), env.Start.Unix()))
}

// addTree adds a tree of which so many files were found, before any were dropped.
func (l *Local) addTree(ctx context.Context, env collect.Env, o ScanOptions, t localTree, found int) error {
	old, pack, ok := env.Stock.Tree(t.name)
	if ok && o.HasOwn && old.Files > found || len(t.files) == 0 {
		return nil
	}
	defer t.skips.Warn(env.Warn)
	if err := t.identify(ctx); err != nil || t.count == 0 {
		return err
	}
	if ok && old.Sum == t.sum {
		t.pack, t.count, t.bytes = &pack, old.Files, old.Bytes
	}
	l.trees = append(l.trees, t)
	return nil
}

// identify reads the files for the sum of the tree, and counts those that can be read. The others
// are left out, as write leaves them out.
func (t *localTree) identify(ctx context.Context) error {
	list := snapshot.NewTreeSum()
	t.count, t.bytes = 0, 0
	for _, f := range t.files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		sum, err := f.hash()
		if err != nil {
			t.skips.Add("file", f.name, err)
			continue
		}
		list.Add(f.name, f.size, sum)
		t.count++
		t.bytes += f.size
	}
	t.sum = list.String()
	return nil
}

func (f treeFile) hash() (sum [sha256.Size]byte, err error) {
	in, err := f.open()
	if err != nil {
		return sum, err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(in, f.size+1))
	if err == nil && n != f.size {
		err = fmt.Errorf("it has not %d bytes any more", f.size)
	}
	h.Sum(sum[:0])
	return sum, err
}
