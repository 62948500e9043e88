package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/store"
)

// verifyModules looks at all versions in the module cache.
func (v *verifier) verifyModules(ctx context.Context) error {
	if v.mods == nil {
		return nil
	}
	v.Meter.SetPhase("scan modules")
	mods, err := v.mods.Scan(ctx)
	if err != nil {
		return err
	}
	v.Meter.SetPhase("look for proofs of modules")
	known, err := v.prove(ctx, mods)
	if err != nil {
		return err
	}
	v.Meter.SetPhase("modules")
	h := newHasher(v)
	var mu sync.Mutex // guards v.res
	for i, m := range mods {
		if ctx.Err() != nil {
			break
		}
		h.group.Go(func() error {
			f := h.look(ctx, m, known[i])
			if ctx.Err() != nil {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			v.count(f)
			return nil
		})
	}
	h.group.Wait()
	return store.Ended(ctx)
}

// count judges a version and adds it to the result.
func (v *verifier) count(f facts) {
	judged := f.judge()
	v.res.Faults = append(v.res.Faults, judged.faults...)
	v.tally(Tree, f.tree.here, f.tree.bytes, judged.tree)
	v.tally(Zip, f.zip.here, f.zip.bytes, judged.zip)
	v.tally(GoMod, f.has(modcache.GoMod), int64(len(f.goMod)), judged.goMod)
	v.tally(ZipHash, f.has(modcache.ZipHash), int64(len(f.ziphash)), f.smallState(judged, modcache.ZipHash, judged.ref.state))
	v.tally(Info, f.has(modcache.Info), int64(len(f.info)), f.smallState(judged, modcache.Info, unproved))
	if len(judged.bad) > 0 {
		v.res.modules = append(v.res.modules, f)
	}
	why := f.unproved(judged)
	if why == "" {
		return
	}
	name := f.mod.Version.String()
	if v.Always && f.proofs.unknown {
		v.res.add(Fault{Kind: Tree, Name: name, Status: finding.Fail, Evidence: "not proved: " + why, proof: true})
	}
	v.res.Unproved = append(v.res.Unproved, Unproved{name, why})
}

// smallState is that of a small file: s, unless there is a fault.
func (f *facts) smallState(v verdict, k modcache.Small, s state) state {
	switch {
	case v.bad[smallKinds[k]]:
		return nothing
	case f.unreadable(k):
		return unread
	}
	return s
}

func (v *verifier) tally(k Kind, here bool, bytes int64, s state) {
	if !here {
		return
	}
	c := v.res.Checked[k]
	c.Objects++
	c.Bytes += bytes
	switch s {
	case proved:
		c.Proved++
	case consistent:
		c.Consistent++
	case unproved:
		c.Unproved++
	case unread:
		c.Unread++
	default:
		c.Wrong++
	}
}

// hasher hashes the files of many versions, at most so many at once as the group has room for.
type hasher struct {
	v     *verifier
	group errgroup.Group
}

func newHasher(v *verifier) *hasher {
	h := &hasher{v: v}
	h.group.SetLimit(workers())
	return h
}

// look reads all files of a version.
func (h *hasher) look(ctx context.Context, m modcache.Module, p proofs) facts {
	f := facts{mod: m, proofs: p, unread: map[modcache.Small]error{}}
	c, v := h.v.mods, m.Version
	for s, to := range map[modcache.Small]*[]byte{modcache.ZipHash: &f.ziphash, modcache.GoMod: &f.goMod, modcache.Info: &f.info} {
		data, err := c.ReadSmall(v, s)
		if err != nil {
			f.unread[s], data = err, nil
		}
		*to = data
		h.v.Meter.Disk.Add(int64(len(data)))
	}
	switch {
	case m.OddTree:
		f.tree = hashed{here: true, err: errOdd}
	case m.HasTree && !m.Partial:
		f.tree, f.treeMod = h.tree(ctx, m)
	}
	switch {
	case m.OddZip:
		f.zip = hashed{here: true, err: errOdd}
	case m.HasZip:
		f.zip = h.zip(ctx, v)
	}
	if ref := f.reference(); f.tree.here && f.tree.err == nil && ref.sum != "" && f.tree.sum != ref.sum {
		if d, err := c.Deviation(ctx, v, ref.sum); err == nil {
			f.tree.detail = d.String()
		}
	}
	return f
}

// errOdd is why something is not even read.
var errOdd = errors.New("it is a link, or another special file: the go command follows it to what others can change")

// zip hashes a zip.
func (h *hasher) zip(ctx context.Context, v module.Version) (z hashed) {
	z.here = true
	z.sum, z.bytes, z.err = h.v.mods.HashZip(ctx, v)
	if errors.Is(z.err, fs.ErrNotExist) { // removed meanwhile
		return hashed{}
	}
	z.unread = ctx.Err() != nil || isSystem(z.err)
	h.v.Meter.Disk.Add(z.bytes)
	return z
}

// isSystem reports whether an error comes from the system, which could not read a file, and not
// from what the file has.
func isSystem(err error) bool {
	var no syscall.Errno
	return errors.As(err, &no)
}

// chunkBytes is from how many bytes on a part of a tree is hashed by another goroutine.
const chunkBytes = 4 << 20

// tree hashes the files of a tree, in parallel where there is room.
func (h *hasher) tree(ctx context.Context, m modcache.Module) (t hashed, goMod []byte) {
	t.here = true
	files, err := h.v.mods.Files(m.Version)
	plain, escaped, _ := modcache.Prefixes(m.Version)
	if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
		return hashed{}, nil
	}
	if err != nil {
		t.err, t.unread = err, !errors.Is(err, modcache.ErrIrregular)
		return t, nil
	}
	for len(files) > 0 && !strings.HasPrefix(files[0].Name, escaped) {
		files = files[1:] // .info and the like
	}
	sums, errs := h.files(ctx, files)
	h.v.Meter.Files.Add(int64(len(files)))
	var tree modcache.TreeHash
	for i, file := range files {
		rel := strings.TrimPrefix(file.Name, escaped)
		t.bytes += file.Size
		if errs[i] != nil {
			t.err, t.unread = fmt.Errorf("%s: %w", rel, errs[i]), true
		}
		tree.Add(plain+rel, sums[i])
	}
	t.sum = tree.Sum()
	return t, h.goMod(escaped)
}

// files hashes files, in parts of a tree at once where there are goroutines for that.
func (h *hasher) files(ctx context.Context, files []modcache.File) ([][sha256.Size]byte, []error) {
	sums, errs := make([][sha256.Size]byte, len(files)), make([]error, len(files))
	var parts sync.WaitGroup
	for first, n := 0, 0; first < len(files); first += n {
		n = partOf(files[first:])
		parts.Add(1)
		part := func() error {
			defer parts.Done()
			for i := first; i < first+n; i++ {
				sums[i], errs[i] = h.file(ctx, files[i].Name)
			}
			return nil
		}
		if n == len(files) || !h.group.TryGo(part) {
			_ = part()
		}
	}
	parts.Wait()
	return sums, errs
}

// partOf is how many of the files make a part.
func partOf(files []modcache.File) int {
	var bytes int64
	for i, f := range files {
		if bytes += f.Size; bytes >= chunkBytes {
			return i + 1
		}
	}
	return len(files)
}

func (h *hasher) file(ctx context.Context, name string) (sum [sha256.Size]byte, err error) {
	f, err := h.v.mods.OpenFile(name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	return buildcache.Hash(ctx, f, func(n int) { h.v.Meter.Disk.Add(int64(n)) })
}

// goMod reads the go.mod of a tree; nil if it has none.
func (h *hasher) goMod(tree string) []byte {
	f, err := h.v.mods.OpenFile(tree + "go.mod")
	if err != nil {
		return nil
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, modcache.MaxGoMod))
	if err != nil {
		return nil
	}
	return data
}
