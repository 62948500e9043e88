package save

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// saveModule makes sure that the store has a module.
func (r *run) saveModule(ctx context.Context, m *localModule) error {
	size, uploaded, err := r.ensureModule(ctx, m)
	var unfit errUnfit
	switch {
	case errors.As(err, &unfit), errors.Is(err, store.ErrDenied):
		// Many may read the shared modules and few may write them; the job's own packs are not
		// concerned.
		if errors.As(err, &unfit) || r.denied.Add(1) <= maxDenied {
			r.tally.warn("module %s is not saved: %v", m.version(), err)
		}
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

// maxDenied is how many modules the store may refuse before the others are not even compressed any
// more.
const maxDenied = 5

// warnDenied tells how many modules were refused beyond those that were named.
func (r *run) warnDenied() {
	if more := r.denied.Load() - maxDenied; more > 0 {
		r.tally.warn("%d more modules are not saved: the store refused the first %d", more, maxDenied)
	}
}

// ensureModule asks before it uploads: another repository of the bucket may have stored the module
// long ago.
func (r *run) ensureModule(ctx context.Context, m *localModule) (size int64, uploaded bool, err error) {
	cond := store.Condition{IfAbsent: true}
	if r.prev.isBad(m.rec.Object) {
		cond = store.Condition{} // the restore of this job found that the stored bytes are wrong
	} else if info, err := r.Store.Stat(ctx, m.rec.Object); err == nil && r.relyOn(ctx, m.rec.Object, info) {
		return info.Size, false, nil
	} else if err == nil {
		cond = store.Condition{} // it may be removed at any moment
	} else if !errors.Is(err, store.ErrNotFound) {
		return 0, false, store.Named("object", m.rec.Object, err)
	}
	if r.denied.Load() >= maxDenied && !module.MatchPrefixPatterns(r.Private, m.rec.Path) {
		return 0, false, store.ErrDenied
	}
	size, err = r.uploadModule(ctx, m, cond)
	if errors.Is(err, store.ErrNoConditions) { // the bytes are the same whoever writes them
		size, err = r.uploadModule(ctx, m, store.Condition{})
	}
	if errors.Is(err, store.ErrConflict) { // another job has just stored the same bytes
		info, err := r.Store.Stat(ctx, m.rec.Object)
		if !errors.Is(err, store.ErrNotFound) {
			return info.Size, false, err
		}
		size, err = r.uploadModule(ctx, m, store.Condition{}) // and it was removed since
		return size, err == nil, err
	}
	return size, err == nil, err
}

func (r *run) uploadModule(ctx context.Context, m *localModule, cond store.Condition) (int64, error) {
	need := int64(2 * overhead)
	if m.rec.Bytes <= groupRaw {
		need = m.rec.Bytes + m.rec.Bytes/64 + overhead
	}
	need = min(need, r.Memory)
	done, err := r.startBuilding(ctx, need)
	if err != nil {
		return 0, err
	}
	defer done()
	defer func() { r.memory.Release(need) }()
	if m.rec.Bytes > groupRaw {
		return r.streamModule(ctx, m, cond)
	}
	buf := objectBuffers.Get().(*objectBuffer)
	defer recycle(buf)
	if err := r.writeModule(ctx, ctxWriter{ctx, buf}, m); err != nil {
		return 0, err
	}
	done()
	size := int64(len(buf.data))
	if size < need {
		r.memory.Release(need - size)
		need = size
	}
	return size, r.put(ctx, m.rec.Object, bytes.NewReader(buf.data), size, cond)
}

// streamModule uploads a large module, a toolchain mostly, while it is being
// compressed. A tree that turns out wrong at its end breaks the upload off.
func (r *run) streamModule(ctx context.Context, m *localModule, cond store.Condition) (int64, error) {
	pr, pw := io.Pipe()
	done := make(chan error, 1)
	count := &countingWriter{w: pw}
	go func() {
		err := r.writeModule(ctx, ctxWriter{ctx, count}, m)
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
func (r *run) writeModule(ctx context.Context, dst io.Writer, m *localModule) error {
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
		return errUnfit{r.deviation(ctx, m, got)}
	}
	_, err = w.Close()
	return err
}

// deviation says which files of a tree are to blame for its hash, and how to get rid of them.
func (r *run) deviation(ctx context.Context, m *localModule, got string) error {
	what := fmt.Sprintf("its files have the hash %s, not %s", got, m.rec.Sum)
	if d, err := r.mods.Deviation(ctx, m.version(), m.rec.Sum); err == nil && d.String() != "" {
		what = fmt.Sprintf("its tree is not what %s says; %s", m.rec.Sum, d)
	}
	return fmt.Errorf("%s; let the go command make it anew: %s", what, r.mods.Removal(m.version()))
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
		return sum, errUnfit{fmt.Errorf("%s: it has not %d bytes any more", m.Name, m.Size)}
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
	r             io.Reader
	n             int64 // bytes so far
	failed, ended bool
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	s.ended = s.ended || err == io.EOF
	s.failed = s.failed || err != nil && err != io.EOF
	return n, err
}
