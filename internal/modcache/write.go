package modcache

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io/fs"
	"sync"

	"github.com/org/gocache-action/internal/osfile"
)

// smallWriter collects a file of cache/download in memory, since it is checked before it is
// written.
type smallWriter struct {
	i      *Install
	suffix string
	size   int64
	data   []byte
	closed bool
}

func (w *smallWriter) Write(p []byte) (int, error) {
	if int64(len(w.data)+len(p)) > w.size {
		return 0, w.i.fail(fmt.Errorf("%s: more than %d bytes", w.suffix, w.size))
	}
	w.data = append(w.data, p...)
	return len(p), nil
}

func (w *smallWriter) Close() error {
	if w.closed {
		return errors.New("file was closed before")
	}
	w.closed = true
	if int64(len(w.data)) < w.size {
		return w.i.fail(fmt.Errorf("%s: %d of %d bytes", w.suffix, len(w.data), w.size))
	}
	w.i.mu.Lock()
	defer w.i.mu.Unlock()
	w.i.small[w.suffix] = w.data
	w.i.open--
	return nil
}

// fileWriter writes one file of the tree. A file that arrives in one Write, or that fits into the
// buffer, is written by one system call. In the first case it is not copied.
type fileWriter struct {
	i    *Install
	rel  string
	path string
	perm fs.FileMode
	size int64

	f      *osfile.File
	done   int64 // bytes received
	buf    *[]byte
	hash   hash.Hash // nil for a file that came in one Write
	sum    [sha256.Size]byte
	crc    uint32
	zipped bool // is in the zip already
	closed bool
}

// bufferSize is the size of the buffers, in bytes.
const bufferSize = 64 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, bufferSize); return &b }}

func (w *fileWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if w.closed || int64(len(p)) > w.size-w.done {
		return 0, w.i.fail(fmt.Errorf("%s: more than %d bytes", w.rel, w.size))
	}
	if err := w.write(p); err != nil {
		return 0, w.i.fail(err)
	}
	return len(p), nil
}

func (w *fileWriter) write(p []byte) error {
	first := w.done == 0
	w.done += int64(len(p))
	if first && w.done == w.size {
		w.sum = sha256.Sum256(p)
		return w.finish(p)
	}
	if w.hash == nil {
		w.hash = sha256.New()
		w.buf = buffers.Get().(*[]byte)
	}
	w.hash.Write(p)
	if w.i.zip != nil {
		w.crc = crc32.Update(w.crc, crc32.IEEETable, p)
	}
	return w.fill(p)
}

// fill collects small pieces in the buffer. Large ones are written directly.
func (w *fileWriter) fill(p []byte) error {
	if len(*w.buf)+len(p) > bufferSize {
		if err := w.flush(*w.buf); err != nil {
			return err
		}
		*w.buf = (*w.buf)[:0]
	}
	if len(p) >= bufferSize {
		return w.flush(p)
	}
	*w.buf = append(*w.buf, p...)
	return nil
}

// finish writes a file that is in memory completely, and adds it to the zip.
func (w *fileWriter) finish(data []byte) error {
	if err := w.flush(data); err != nil {
		return err
	}
	if w.i.zip == nil {
		return nil
	}
	w.zipped = true
	return w.i.zip.add(w.member(), crc32.ChecksumIEEE(data), data)
}

func (w *fileWriter) flush(p []byte) error {
	if w.f == nil {
		var err error
		if w.f, err = osfile.Create(w.path, w.perm); err != nil {
			return err
		}
	}
	if len(p) == 0 {
		return nil
	}
	_, err := w.f.Write(p)
	return err
}

// member is the name of the file in the zip and in the h1 hash.
func (w *fileWriter) member() string { return w.i.p.v.Path + "@" + w.i.p.v.Version + "/" + w.rel }

// Close completes the file.
func (w *fileWriter) Close() error {
	if w.closed {
		return errors.New("file was closed before")
	}
	w.closed = true
	err := w.complete()
	if w.buf != nil {
		*w.buf = (*w.buf)[:0]
		buffers.Put(w.buf)
		w.buf = nil
	}
	if w.f != nil {
		err = errors.Join(err, w.f.Close())
	}
	if err == nil {
		err = w.addLarge()
	}
	if err != nil {
		return w.i.fail(fmt.Errorf("installing %s: %w", w.i.p.v, err))
	}
	w.i.mu.Lock()
	defer w.i.mu.Unlock()
	w.i.hash.Add(w.member(), w.sum)
	w.i.open--
	return nil
}

// complete writes what is left in the buffer, and creates the file if it is empty.
func (w *fileWriter) complete() error {
	if w.done < w.size {
		return fmt.Errorf("%s: %d of %d bytes", w.rel, w.done, w.size)
	}
	if w.hash != nil {
		w.hash.Sum(w.sum[:0])
		if w.f == nil {
			return w.finish(*w.buf)
		}
		return w.flush(*w.buf)
	}
	if w.f == nil {
		w.sum = sha256.Sum256(nil)
		return w.finish(nil)
	}
	return nil
}

// addLarge adds a file that arrived in pieces to the zip. It reads the file again, from the page
// cache: the members of a zip follow one another, while several files of a module may be written at
// the same time.
func (w *fileWriter) addLarge() error {
	if w.i.zip == nil || w.zipped {
		return nil
	}
	return w.i.zip.addFile(w.member(), w.crc, w.path, w.size)
}
