package dir

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/store"
)

// staleAfter is the age, counted from the last byte written, at which a temporary file counts as
// left behind by a killed process.
const staleAfter = time.Hour

// A tempDir is the path of the directory of files that are being written.
type tempDir string

// write writes body to a new file and returns its path. After an error nothing is left.
func (d tempDir) write(ctx context.Context, body io.Reader) (string, error) {
	tmp := filepath.Join(string(d), rand.Text())
	// Not os.CreateTemp: its mode 0600 would lock other users out of a shared store.
	f, err := os.OpenFile(tmp, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, ctxReader{ctx, body})
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(err, removeTemp(tmp))
	}
	return tmp, nil
}

// now is the time by the clock of the file system.
func (d tempDir) now() (time.Time, error) {
	if err := os.MkdirAll(string(d), 0o777); err != nil {
		return time.Time{}, err
	}
	tmp := filepath.Join(string(d), rand.Text())
	if err := os.WriteFile(tmp, []byte("x"), 0o666); err != nil {
		return time.Time{}, err
	}
	fi, err := os.Stat(tmp)
	if err = errors.Join(err, removeTemp(tmp)); err != nil {
		return time.Time{}, err
	}
	return fi.ModTime(), nil
}

// removeStale deletes what killed writers left. Errors do not matter: the file belongs to another
// user, or another process is removing it as well.
func (d tempDir) removeStale() {
	for u, err := range d.uploads(time.Now().Add(-staleAfter)) {
		if err == nil {
			os.Remove(filepath.Join(string(d), u.ID))
		}
	}
}

// uploads yields the files that were last written before a time. A directory that does not exist is
// empty.
func (d tempDir) uploads(before time.Time) iter.Seq2[store.Upload, error] {
	return func(yield func(store.Upload, error) bool) {
		entries, err := os.ReadDir(string(d))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			yield(store.Upload{}, err)
			return
		}
		for _, e := range entries {
			fi, err := e.Info()
			if err != nil || !fi.Mode().IsRegular() || !fi.ModTime().Before(before) {
				continue
			}
			if !yield(store.Upload{ID: e.Name(), Started: fi.ModTime(), Size: fi.Size()}, nil) {
				return
			}
		}
	}
}

// removeTemp removes a temporary file that may be gone already.
func removeTemp(tmp string) error {
	if err := osfile.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ctxReader makes a copy stop when ctx is cancelled.
type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
