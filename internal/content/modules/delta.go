package modules

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// Versions of a module mostly repeat each other, so a new one is stored as what it has beyond one
// that is stored whole, if that saves enough. A restore then reads both objects, one after the
// other.
const (
	// minShared is how many bytes a version must have in common with its base: for less, a restore
	// would pay a second request.
	minShared = 128 << 10
	// leastShared is the share of them in both trees, in percent. A restore reads all of the base:
	// so it decodes 1.25 times as much at most as without one, and what is stored whole becomes the
	// base of the versions that follow.
	leastShared = 75
)

// pays reports whether a version whose tree has so many bytes, of which shared lie in a base, is
// stored as a delta.
func pays(shared, tree, base int64) bool {
	return shared >= minShared && 100*shared >= leastShared*tree && 100*shared >= leastShared*base
}

// chooseBases returns the stored versions that a new one has most in common with, presumably: the
// one before it and the one after it, of those that the snapshots name, that are stored whole, and
// that are neither too small nor too large to pay.
func chooseBases(stock *collect.Stock, m *snapshot.Module) (bases []snapshot.Base) {
	if stock == nil || stock.IsGone(m.Object) || stock.IsGone(snapshot.DeltaObject(m.Object)) {
		return nil // what is damaged is stored whole again
	}
	var before, after *snapshot.Base
	for _, man := range stock.Manifests() {
		for _, b := range basesIn(man, m) {
			switch order := semver.Compare(b.Version(), m.Version); {
			case stock.IsGone(b.Object), !pays(min(m.Bytes, b.Bytes), m.Bytes, b.Bytes):
			case order <= 0 && (before == nil || semver.Compare(b.Version(), before.Version()) > 0):
				before = &b
			case order > 0 && (after == nil || semver.Compare(b.Version(), after.Version()) < 0):
				after = &b
			}
		}
	}
	for _, b := range []*snapshot.Base{before, after} {
		if b != nil {
			bases = append(bases, *b)
		}
	}
	return bases
}

// basesIn lists the whole objects of other versions of a module that a manifest names.
func basesIn(man *snapshot.Manifest, m *snapshot.Module) (list []snapshot.Base) {
	first, _ := slices.BinarySearchFunc(man.Modules, m.Path, func(x snapshot.Module, p string) int { return strings.Compare(x.Path, p) })
	for _, x := range man.Modules[first:] {
		if x.Path != m.Path {
			break
		}
		b := snapshot.Base{Object: x.Object, Size: x.Size, Files: x.Files, Bytes: x.Bytes}
		if x.Base != nil {
			b = *x.Base
		}
		if b.Files > 0 && b.Files <= snapshot.MaxModuleFiles && b.Object != m.Object && snapshot.SameModule(b.Object, m.Object) {
			list = append(list, b)
		}
	}
	return list
}

// hashed is a file of a tree and what it is.
type hashed struct {
	modcache.File
	rel  string // in the tree
	sum  [sha256.Size]byte
	hash snapshot.FileHash
}

// compareTrees finds the files of a tree that a base has, of which list has the files. taken says
// which, by their index in files.
func compareTrees(files []hashed, list []snapshot.FileHash) (runs []snapshot.Run, taken []bool, shared int64) {
	index := make(map[snapshot.FileHash]int, len(list))
	for i, h := range list {
		index[h] = i
	}
	taken = make([]bool, len(files))
	inBase := make([]bool, len(list))
	for n, f := range files {
		i, ok := index[f.hash]
		if !ok || inBase[i] {
			continue
		}
		inBase[i], taken[n] = true, true
		shared += f.Size
	}
	for i, in := range inBase {
		switch {
		case !in:
		case i > 0 && inBase[i-1]:
			runs[len(runs)-1].Count++
		default:
			runs = append(runs, snapshot.Run{First: i, Count: 1})
		}
	}
	return runs, taken, shared
}

// delta reads the tree, proves that it is what .ziphash says, and decides whether to store it
// beyond the base with which it has most in common. Of what it read, only the hashes of files stay
// that are to be written.
func (l Local) delta(ctx context.Context, m localModule, bases []collect.BaseFiles) (*collect.Delta, error) {
	tree, err := l.hashTree(ctx, m)
	if err != nil {
		return nil, err
	}
	var best *collect.Delta
	var taken []bool
	most := int64(0)
	for _, b := range bases {
		runs, takes, shared := compareTrees(tree, b.List)
		if shared > most && pays(shared, m.rec.Bytes, b.Base.Bytes) {
			best = &collect.Delta{Base: b.Base, Head: snapshot.NewDelta(b.Base, runs), Bytes: max(m.rec.Bytes-shared, 0)}
			most, taken = shared, takes
		}
	}
	if best == nil {
		return nil, nil
	}
	plain, _, _ := modcache.Prefixes(m.version())
	if got := sumOf(tree, plain); got != m.rec.Sum {
		return nil, &collect.UnfitError{Err: l.deviation(ctx, m, got)}
	}
	own := ownFiles(tree, taken)
	best.Write = func(ctx context.Context, w *snapshot.Writer, note collect.Note) (collect.Content, error) {
		err := l.writeDelta(ctx, w, m, taken, own, note)
		return collect.Content{Members: m.rec.Files, Raw: m.rec.Bytes}, err
	}
	return best, nil
}

// sumOf is the h1 hash of a tree.
func sumOf(tree []hashed, prefix string) string {
	var h modcache.TreeHash
	for _, f := range tree {
		h.Add(prefix+f.rel, f.sum)
	}
	return h.Sum()
}

// ownFiles are the files that are not taken from a base.
func ownFiles(tree []hashed, taken []bool) (own []snapshot.FileHash) {
	for i, f := range tree {
		if !taken[i] {
			own = append(own, f.hash)
		}
	}
	return own
}

// hashTree lists the files of the tree of a version, and hashes them.
func (l Local) hashTree(ctx context.Context, m localModule) (tree []hashed, err error) {
	files, err := l.cache.Files(m.version())
	if err != nil {
		return nil, &collect.UnfitError{Err: err}
	}
	_, escaped, _ := modcache.Prefixes(m.version())
	for _, f := range files {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		rel, ok := strings.CutPrefix(f.Name, escaped)
		if !ok {
			continue
		}
		sum, err := l.hashFile(f)
		if err != nil {
			return nil, &collect.UnfitError{Err: err}
		}
		tree = append(tree, hashed{f, rel, sum, snapshot.HashFile(rel, isExec(f), sum)})
	}
	return tree, nil
}

func (l Local) hashFile(f modcache.File) (sum [sha256.Size]byte, err error) {
	in, err := l.cache.OpenFile(f.Name)
	if err != nil {
		return sum, err
	}
	defer in.Close()
	buf := fileBuffers.Get().(*[]byte)
	defer fileBuffers.Put(buf)
	h := sha256.New()
	if _, err := io.CopyBuffer(onlyWriter{h}, onlyReader{in}, *buf); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// io.CopyBuffer uses its buffer only if neither side knows a better way.
type (
	onlyReader struct{ io.Reader }
	onlyWriter struct{ io.Writer }
)

func isExec(f modcache.File) bool { return f.Mode&0o111 != 0 }

// writeDelta writes what the base does not have: all files beside the tree, and those of it that
// are not taken, which must be the same as when the tree was proven. What is taken lies in the
// base.
func (l Local) writeDelta(
	ctx context.Context, w *snapshot.Writer, m localModule, taken []bool, own []snapshot.FileHash, note collect.Note,
) error {
	files, err := l.cache.Files(m.version())
	if err != nil {
		return &collect.UnfitError{Err: err}
	}
	_, escaped, _ := modcache.Prefixes(m.version())
	next := 0 // in the tree
	for _, f := range files {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rel, inTree := strings.CutPrefix(f.Name, escaped)
		if inTree {
			next++
		}
		if !inTree || next > len(taken) || !taken[next-1] {
			sum, err := l.addFile(w, f)
			if err != nil {
				return err
			}
			if inTree {
				if len(own) == 0 || snapshot.HashFile(rel, isExec(f), sum) != own[0] {
					return errChanged(m)
				}
				own = own[1:]
			}
		}
		note.Wrote(f.Size)
	}
	if next != len(taken) {
		return errChanged(m)
	}
	return nil
}

// errChanged says that the files are not those any more that were proven.
func errChanged(m localModule) error {
	return &collect.UnfitError{Err: fmt.Errorf("its files changed while it was saved; before, they had the hash %s", m.rec.Sum)}
}
