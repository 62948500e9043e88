package save

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
)

// localModule is a complete module version that is here. Its record has no
// Size before it is known to be stored.
type localModule struct {
	rec    snapshot.Module
	stored bool
	failed bool // not fit to be stored
}

func (m *localModule) version() module.Version {
	return module.Version{Path: m.rec.Path, Version: m.rec.Version}
}

// scanModules lists the complete module versions, and drops those that go.sum contradicts.
func (r *run) scanModules(ctx context.Context) error {
	found, err := r.mods.Scan(ctx)
	if err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(m modcache.Module) bool {
		return m.State != modcache.Complete || r.NoToolchains && m.Version.Path == modcache.Toolchain
	})
	r.asked = r.start
	if before := r.prev.asked(r.Keys.Key.Digest); r.ModuleUse == nil || !r.useIsKnown(before, found) {
		if err := r.askUse(ctx); err != nil {
			r.tally.warn("which modules were used is not known exactly, what go.sum names is kept: %v", err)
		}
	} else if len(r.prev.manifests) > 0 {
		r.asked = before
	}
	for _, m := range found {
		if err := r.addModule(m); err != nil {
			r.tally.warn("module %s is not saved: %v", m.Version, err)
			r.tally.add(func(res *Result) { res.Modules.Skipped++ })
		}
	}
	return nil
}

// askUse lets the go command tell which modules are in use. Where it cannot, everything that go.sum names is.
func (r *run) askUse(ctx context.Context) (err error) {
	if r.ModuleUse != nil {
		r.provides, err = r.ModuleUse(ctx)
	}
	if r.provides == nil {
		r.provides = make(map[module.Version]bool, len(r.Keys.Sums.Zip))
		for v := range r.Keys.Sums.Zip {
			r.provides[v] = true
		}
	}
	return err
}

// useIsKnown reports whether the go command need not be asked, which takes about a second on a project of some size: it was asked for a
// snapshot of the same module files within refreshAfter, for which a record may be too old anyway, or everything is new.
func (r *run) useIsKnown(asked time.Time, found []modcache.Module) bool {
	if r.MaxSize > 0 || r.MaxModules > 0 {
		return false // what goes depends on the order of uses
	}
	if len(r.prev.manifests) == 0 {
		return !slices.ContainsFunc(found, func(m modcache.Module) bool {
			u, err := r.mods.Use(m.Version, time.Time{})
			return err != nil || r.start.Sub(u.Last()) > refreshAfter
		})
	}
	d := r.start.Sub(asked)
	return -refreshAfter < d && d < refreshAfter && !slices.ContainsFunc(found, r.isLeaving)
}

// isLeaving reports whether a module is about to go for its age: then it must be certain that it is not in use.
func (r *run) isLeaving(m modcache.Module) bool {
	old := r.prev.module(m.Version.Path, m.Version.Version, m.Sum)
	return r.MaxAge > 0 && old != nil && old.LastUse < r.start.Add(refreshAfter-r.MaxAge).Unix()
}

func (r *run) addModule(m modcache.Module) error {
	v := m.Version
	want, inSum := r.Keys.Sums.Zip[v]
	if inSum && want != m.Sum {
		return fmt.Errorf("its hash is %s, go.sum says %s", m.Sum, want)
	}
	rec := snapshot.Module{Path: v.Path, Version: v.Version, Sum: m.Sum, InSum: inSum}
	if old := r.prev.module(v.Path, v.Version, m.Sum); old != nil {
		rec = *old
		rec.InSum, rec.LastUse = inSum, r.moduleUse(v, old.LastUse)
		r.modules = append(r.modules, localModule{rec: rec, stored: true})
		return nil
	}
	rec.LastUse = r.moduleUse(v, 0)
	var err error
	if rec.Object, err = r.moduleObject(v, m.Sum); err != nil {
		return err
	}
	if rec.Files, rec.Bytes, err = r.mods.Measure(v); err != nil {
		return err
	}
	if rec.ModSum, err = r.modSum(v); err != nil {
		return err
	}
	r.modules = append(r.modules, localModule{rec: rec})
	return nil
}

func (r *run) moduleObject(v module.Version, sum string) (string, error) {
	if module.MatchPrefixPatterns(r.Private, v.Path) {
		return snapshot.ScopedModuleObject(r.Repo, r.Scope, v, sum)
	}
	return snapshot.ModuleObject(v, sum)
}

// modSum hashes the cached go.mod as a "/go.mod" line of go.sum does. Toolchains have none.
func (r *run) modSum(v module.Version) (string, error) {
	files, err := r.mods.Files(v)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		if strings.HasPrefix(f.Name, "cache/download/") && path.Ext(f.Name) == ".mod" {
			return dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return r.mods.OpenFile(f.Name) })
		}
	}
	return "", nil
}

// moduleUse decides when a version was used last. before is what the snapshot knows, 0 for nothing.
//
// What provides a package to the project is in use. Of the rest the file system tells, where it does: its files were read
// during the job (a tool, another platform, other build tags), or it came during the job. Where the go command
// was not asked this time, the record of what provides packages is not a day old.
func (r *run) moduleUse(v module.Version, before int64) int64 {
	if r.provides[v] {
		return r.start.Unix()
	}
	var since time.Time
	if r.State != nil {
		since = r.State.Time
	}
	u, err := r.mods.Use(v, since)
	if err != nil {
		return cmp.Or(before, r.start.Unix()) // Measure or the upload will say what is wrong with it
	}
	seen := u.Read
	if before == 0 || r.State == nil {
		// Nobody restored it, so the go command did: at that time it was needed.
		seen = u.Last()
	}
	return max(before, min(seen.Unix(), r.start.Unix()))
}

// mergeModules joins the modules that are here and those of own, sorted by path and version. Of a version that both have,
// any use counts.
func (r *run) mergeModules(own *snapshot.Manifest) []localModule {
	here := map[module.Version]int{}
	var mods []localModule
	for _, m := range r.modules {
		here[m.version()] = len(mods)
		if !m.failed {
			mods = append(mods, m)
		}
	}
	if own != nil {
		for _, m := range own.Modules {
			i, ok := here[module.Version{Path: m.Path, Version: m.Version}]
			switch {
			case !ok && !r.prev.isBad(m.Object):
				mods = append(mods, localModule{rec: m, stored: true})
			case ok && i < len(mods) && mods[i].rec.Path == m.Path && mods[i].rec.Version == m.Version && mods[i].rec.Sum == m.Sum:
				mods[i].rec.LastUse = max(mods[i].rec.LastUse, m.LastUse)
			}
		}
	}
	slices.SortFunc(mods, func(x, y localModule) int {
		return cmp.Or(cmp.Compare(x.rec.Path, y.rec.Path), cmp.Compare(x.rec.Version, y.rec.Version))
	})
	return mods
}

// splitModules tells what is stored from what is not yet.
func splitModules(mods []localModule) (stored []snapshot.Module, missing []localModule) {
	for _, m := range mods {
		if m.stored {
			stored = append(stored, m.rec)
		} else {
			missing = append(missing, m)
		}
	}
	return stored, missing
}

// saveModule makes sure that the store has a module.
func (r *run) saveModule(ctx context.Context, m *localModule) error {
	size, uploaded, err := r.ensureModule(ctx, m)
	var unfit errUnfit
	switch {
	case errors.As(err, &unfit), errors.Is(err, store.ErrDenied):
		// Many may read the shared modules and few may write them; the job's own packs are not concerned.
		r.tally.warn("module %s is not saved: %v", m.version(), err)
		r.tally.add(func(res *Result) { res.Modules.Skipped++; m.failed = true })
		return nil
	case err != nil:
		return err
	}
	r.tally.add(func(res *Result) {
		m.rec.Size, m.stored = size, true
		if uploaded {
			res.Modules.Uploaded++
		} else {
			res.Modules.Stored++
		}
	})
	return nil
}

// ensureModule asks before it uploads: another repository of the bucket may have stored the module long ago.
func (r *run) ensureModule(ctx context.Context, m *localModule) (size int64, uploaded bool, err error) {
	cond := store.Condition{IfAbsent: true}
	if r.prev.isBad(m.rec.Object) {
		cond = store.Condition{} // the restore of this job found that the stored bytes are wrong
	} else if info, err := r.Store.Stat(ctx, m.rec.Object); err == nil && r.relyOn(ctx, m.rec.Object, info) {
		return info.Size, false, nil
	} else if err == nil {
		cond = store.Condition{} // it may be removed at any moment
	} else if !errors.Is(err, store.ErrNotFound) {
		return 0, false, fmt.Errorf("object %s: %w", m.rec.Object, err)
	}
	size, err = r.uploadModule(ctx, m, cond)
	if errors.Is(err, store.ErrNoConditions) { // the bytes are the same whoever writes them
		size, err = r.uploadModule(ctx, m, store.Condition{})
	}
	if errors.Is(err, store.ErrConflict) { // another job has just stored the same bytes
		info, err := r.Store.Stat(ctx, m.rec.Object)
		return info.Size, false, err
	}
	return size, err == nil, err
}

func (r *run) uploadModule(ctx context.Context, m *localModule, cond store.Condition) (int64, error) {
	need := int64(2 * overhead)
	if m.rec.Bytes <= groupRaw {
		need = m.rec.Bytes + m.rec.Bytes/64 + overhead
	}
	if err := r.memory.Acquire(ctx, need); err != nil {
		return 0, err
	}
	defer func() { r.memory.Release(need) }()
	if m.rec.Bytes > groupRaw {
		return r.streamModule(ctx, m, cond)
	}
	buf := objectBuffers.Get().(*bytes.Buffer)
	defer recycle(buf)
	if err := r.writeModule(buf, m); err != nil {
		return 0, err
	}
	size := int64(buf.Len())
	if size < need {
		r.memory.Release(need - size)
		need = size
	}
	return size, r.put(ctx, m.rec.Object, bytes.NewReader(buf.Bytes()), size, cond)
}

// streamModule uploads a large module, a toolchain mostly, while it is being
// compressed. A tree that turns out wrong at its end breaks the upload off.
func (r *run) streamModule(ctx context.Context, m *localModule, cond store.Condition) (int64, error) {
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	count := &countingWriter{w: pw}
	go func() {
		err := r.writeModule(count, m)
		pw.CloseWithError(err)
		done <- err
	}()
	err := r.put(ctx, m.rec.Object, pr, -1, cond)
	pr.CloseWithError(io.ErrClosedPipe)
	if werr := <-done; werr != nil && !errors.Is(werr, io.ErrClosedPipe) {
		err = werr
	}
	return count.n, err
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// errUnfit: what is here is not what its hash says, or cannot be read.
type errUnfit struct{ error }

func (e errUnfit) Unwrap() error { return e.error }

// writeModule writes a module object and proves on the way that the tree is what .ziphash says: the
// go command would never notice, and everyone who shares the bucket would get it.
func (r *run) writeModule(dst io.Writer, m *localModule) error {
	files, err := r.mods.Files(m.version())
	if err != nil {
		return errUnfit{err}
	}
	w := snapshot.NewModuleWriter(dst)
	var tree modcache.TreeHash
	prefix := treePrefix(m.version())
	for _, f := range files {
		sum, err := r.addFile(w, f)
		if err != nil {
			w.Close()
			return err
		}
		if rel, ok := strings.CutPrefix(f.Name, prefix.escaped); ok {
			tree.Add(prefix.plain+rel, sum)
		}
	}
	if got := tree.Sum(); got != m.rec.Sum {
		w.Close()
		return errUnfit{fmt.Errorf("its files have the hash %s, not %s", got, m.rec.Sum)}
	}
	_, err = w.Close()
	return err
}

func treePrefix(v module.Version) (p struct{ plain, escaped string }) {
	p.plain = v.Path + "@" + v.Version + "/"
	path, err1 := module.EscapePath(v.Path)
	ver, err2 := module.EscapeVersion(v.Version)
	if err1 == nil && err2 == nil {
		p.escaped = path + "@" + ver + "/"
	}
	return p
}

// addFile writes one file and returns its hash.
func (r *run) addFile(w *snapshot.Writer, f modcache.File) (sum [32]byte, err error) {
	in, err := r.mods.OpenFile(f.Name)
	if err != nil {
		return sum, errUnfit{err}
	}
	defer in.Close()
	m := snapshot.Member{Name: f.Name, Mode: f.Mode, Size: f.Size}
	if f.Size < fileBuffer {
		sum, err = addSmall(w, m, in)
	} else {
		sum, err = addLarge(w, m, in)
	}
	if err != nil {
		return sum, err
	}
	r.Meter.Disk.Add(f.Size)
	r.Meter.Files.Add(1)
	return sum, nil
}

// fileBuffer is more than the size of nearly every file of a module.
const fileBuffer = 256 << 10

var fileBuffers = sync.Pool{New: func() any { b := make([]byte, fileBuffer); return &b }}

// addSmall reads the file as a whole.
func addSmall(w *snapshot.Writer, m snapshot.Member, in io.Reader) (sum [32]byte, err error) {
	buf := fileBuffers.Get().(*[]byte)
	defer fileBuffers.Put(buf)
	// One byte more than there should be tells of a file that grew.
	n, err := io.ReadFull(in, (*buf)[:m.Size+1])
	if err != io.EOF && err != io.ErrUnexpectedEOF || int64(n) != m.Size {
		return sum, errUnfit{fmt.Errorf("%s: it has not %d bytes any more: %w", m.Name, m.Size, err)}
	}
	data := (*buf)[:n]
	_, err = w.Add(m, bytes.NewReader(data))
	return sha256.Sum256(data), err
}

// addLarge streams the file.
func addLarge(w *snapshot.Writer, m snapshot.Member, in io.Reader) (sum [32]byte, err error) {
	h := sha256.New()
	src := &sourceReader{r: io.TeeReader(in, h)}
	if _, err := w.Add(m, src); err != nil {
		if src.failed || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errUnfit{err}
		}
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// sourceReader remembers that reading failed, to tell it from a failed upload.
type sourceReader struct {
	r      io.Reader
	failed bool
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.failed = s.failed || err != nil && err != io.EOF
	return n, err
}
