package modcache

import (
	"archive/zip"
	"bufio"
	"fmt"
	"io"
	"os"
	"sync"
)

// zipWriter builds a module zip with stored members. The h1 hash of a zip depends on names and
// contents only, so compression would cost time for nothing. Members may be added by several
// goroutines.
//
// It is archive/zip behind a buffer; each member's CRC is known before its header is written, so
// there are no data descriptors and the zip can be read as a stream.
type zipWriter struct {
	mu  sync.Mutex
	f   *os.File
	buf *bufio.Writer
	z   *zip.Writer
}

// zipBuffer keeps the number of write calls low: half of the files of modules have a few KiB at
// most.
const zipBuffer = 256 << 10

func newZipWriter(path string) (*zipWriter, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return nil, err
	}
	buf := bufio.NewWriterSize(f, zipBuffer)
	return &zipWriter{f: f, buf: buf, z: zip.NewWriter(buf)}, nil
}

// member starts a member. The caller holds mu.
func (z *zipWriter) member(name string, crc uint32, size int64) (io.Writer, error) {
	return z.z.CreateRaw(&zip.FileHeader{
		Name: name, Method: zip.Store, CRC32: crc,
		CompressedSize64: uint64(size), UncompressedSize64: uint64(size),
	})
}

func (z *zipWriter) add(name string, crc uint32, data []byte) error {
	z.mu.Lock()
	defer z.mu.Unlock()
	w, err := z.member(name, crc, int64(len(data)))
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

func (z *zipWriter) addFile(name string, crc uint32, path string, size int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	z.mu.Lock()
	defer z.mu.Unlock()
	w, err := z.member(name, crc, size)
	if err != nil {
		return err
	}
	n, err := io.Copy(w, f)
	if err == nil && n != size {
		err = fmt.Errorf("%s has %d bytes, want %d", path, n, size)
	}
	return err
}

// close writes the directory of the zip and closes the file.
func (z *zipWriter) close() error {
	if err := z.z.Close(); err != nil {
		return err
	}
	if err := z.buf.Flush(); err != nil {
		return err
	}
	err := z.f.Close()
	z.f = nil
	return err
}

// abort closes the file, if it still is open.
func (z *zipWriter) abort() {
	if z.f != nil {
		z.f.Close()
		z.f = nil
	}
}
