package buildcache

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/internal/osfile"
)

// OpenOutput opens the bytes of an output, or of the program in an output directory.
func (c *Cache) OpenOutput(o Output) (*os.File, error) {
	path, err := c.dataFile(o)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// dataFile is the path of the file that holds the bytes of o.
func (c *Cache) dataFile(o Output) (string, error) {
	path := c.outputFile(o.ID)
	if o.Exec == "" {
		return path, nil
	}
	// The name comes from a manifest. It must not lead out of the directory.
	if o.Exec == "." || o.Exec == ".." || len(o.Exec) > 255 || !filepath.IsLocal(o.Exec) || filepath.Base(o.Exec) != o.Exec {
		return "", fmt.Errorf("output %s: invalid name of an executable %.300q", o.ID, o.Exec)
	}
	return filepath.Join(path, o.Exec), nil
}

// Writer receives the bytes of one output, in order. It is not safe for concurrent use.
//
// The file grows as it is written and gets its full size with the last byte: killed at any instant
// it leaves a short file (or an empty directory), which the go command treats as a miss and
// completes. Therefore nothing is preallocated.
type Writer struct {
	f     *osfile.File
	o     Output
	path  string // of the file
	dir   string // of the output directory, "" for a plain output
	mtime time.Time
	left  int64 // bytes still to come
	err   error // the first one; the Writer stays broken
}

// ErrPresent says that the go command would find the output, with its size. It does not match
// fs.ErrExist: that has many causes, such as a directory that is not empty.
var ErrPresent = errors.New("the build cache has the output")

// CreateOutput starts writing an output. It returns ErrPresent when the cache has it already with
// the right size; anything else at its place is replaced. Close gives it mtime. Prepare must
// have been called. The permissions are those of cmd/go: 0666 for a plain output, 0777 for a
// program and its directory, less the umask.
func (c *Cache) CreateOutput(o Output, mtime time.Time) (*Writer, error) {
	path, err := c.dataFile(o)
	if err != nil {
		return nil, err
	}
	if o.Size < 0 {
		return nil, fmt.Errorf("output %s: size %d is negative", o.ID, o.Size)
	}
	w := &Writer{o: o, path: path, mtime: mtime, left: o.Size}
	if o.Exec != "" {
		w.dir = c.outputFile(o.ID)
		err = os.Mkdir(w.dir, 0o777)
	}
	if err == nil {
		w.f, err = osfile.Create(path, perm(o))
	}
	if errors.Is(err, fs.ErrExist) {
		w.f, err = w.replace(c.outputFile(o.ID))
	}
	if err != nil {
		return nil, fmt.Errorf("creating output: %w", err)
	}
	return w, nil
}

func perm(o Output) fs.FileMode {
	if o.Exec != "" {
		return 0o777
	}
	return 0o666
}

// replace makes way for the output where top, its "-d" file or directory, exists already: it opens
// the file to be overwritten, or removes top and creates the file anew.
func (w *Writer) replace(top string) (*osfile.File, error) {
	st, err := os.Lstat(top)
	if err == nil && isWhole(w.o, top, st) {
		return nil, ErrPresent
	}
	if old, err := os.Lstat(w.path); err == nil && old.Mode().IsRegular() && w.isAlone() {
		if f, err := rewrite(w.path, perm(w.o), old.Size() > w.o.Size); err == nil {
			return f, nil
		}
	}
	// The wrong kind of file, a directory that is empty or has other files, or a file that cannot
	// be written.
	if err := osfile.RemoveAll(top); err != nil {
		return nil, err
	}
	if w.dir != "" {
		if err := os.Mkdir(w.dir, 0o777); err != nil {
			return nil, err
		}
	}
	return osfile.Create(w.path, perm(w.o))
}

// isAlone reports whether no other file lies in the output directory, if there is one.
func (w *Writer) isAlone() bool {
	if w.dir == "" {
		return true
	}
	name, _, broken, err := executable(w.dir)
	return err == nil && broken == "" && name == w.o.Exec
}

// isWhole reports whether the go command would find o at path, which st describes.
func isWhole(o Output, path string, st fs.FileInfo) bool {
	if st.IsDir() {
		_, size, broken, err := executable(path)
		return err == nil && broken == "" && size == o.Size
	}
	// A plain file cannot stand for a program: it is not executable.
	return st.Mode().IsRegular() && o.Exec == "" && st.Size() == o.Size
}

// rewrite opens a file of the wrong size to be overwritten in place, as cmd/go does: if another
// process is writing the same bytes right now, both succeed.
func rewrite(path string, perm fs.FileMode, truncate bool) (*osfile.File, error) {
	f, err := osfile.Overwrite(path, perm)
	if err != nil {
		return nil, err
	}
	if truncate {
		if err := f.Truncate(0); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return f, nil
}

// Write appends to the output. If p exceeds the size of the output, that is an error, and nothing
// of p is written.
func (w *Writer) Write(p []byte) (int, error) {
	n, err := w.WriteParts(p)
	return int(n), err
}

// WriteParts is Write for several pieces of memory at once.
func (w *Writer) WriteParts(parts ...[]byte) (n int64, err error) {
	if w.err != nil {
		return 0, w.err
	}
	for _, p := range parts {
		n += int64(len(p))
	}
	if n > w.left {
		w.err = fmt.Errorf("output %s: more than %d bytes", w.o.ID, w.o.Size)
		return 0, w.err
	}
	n, w.err = w.f.WriteParts(parts...)
	w.left -= n
	return n, w.err
}

// Close finishes the output. When a Write failed, or when bytes are missing, it removes the file
// and returns the error.
func (w *Writer) Close() error {
	if w.err == nil && w.left > 0 {
		w.err = fmt.Errorf("output %s: %d of %d bytes are missing", w.o.ID, w.left, w.o.Size)
	}
	if w.err == nil && w.dir == "" {
		w.err = w.f.SetTime(w.mtime)
	}
	if err := w.f.Close(); w.err == nil {
		w.err = err
	}
	if w.err == nil && w.dir != "" {
		// cmd/go reads, refreshes and trims by the time of the directory.
		w.err = os.Chtimes(w.dir, w.mtime, w.mtime)
	}
	if w.err != nil {
		w.remove()
		return fmt.Errorf("writing output: %w", w.err)
	}
	return nil
}

// Abort removes what was written of the output. It is called instead of Close.
func (w *Writer) Abort() {
	w.f.Close()
	w.remove()
}

func (w *Writer) remove() {
	os.Remove(w.path)
	if w.dir != "" {
		os.Remove(w.dir)
	}
}

// PutAction writes an action entry with the given modification time. Call it only once its output
// is there. An identical entry is left alone, with its time; anything else is overwritten, so it
// must not be called for an action that Scan found complete.
func (c *Cache) PutAction(e Entry, mtime time.Time) error {
	if e.Size < 0 || e.Time < 0 {
		return fmt.Errorf("action entry %s: negative size or time", e.Action)
	}
	var buf [EntrySize]byte
	text := e.AppendText(buf[:0])
	path := c.actionFile(e.Action)
	err := osfile.WriteFile(path, 0o666, text, mtime)
	if errors.Is(err, fs.ErrExist) {
		err = overwriteAction(path, text, mtime)
	}
	if err != nil {
		return fmt.Errorf("writing action entry: %w", err)
	}
	return nil
}

// overwriteAction writes over an existing entry without emptying it first, as cmd/go does, so
// that a concurrent reader sees the old or the new one.
func overwriteAction(path string, text []byte, mtime time.Time) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	f, err := osfile.Overwrite(path, 0o666)
	if err != nil {
		// Not writable, or not a file at all.
		if err := osfile.RemoveAll(path); err != nil {
			return err
		}
		return osfile.WriteFile(path, 0o666, text, mtime)
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil {
		err = f.SetTime(mtime)
	}
	return errors.Join(err, f.Close())
}
