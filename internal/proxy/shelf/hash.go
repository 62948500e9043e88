package shelf

import (
	"archive/zip"
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/klauspost/compress/flate"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	modzip "golang.org/x/mod/zip"
)

// HashZip returns the h1 hash of a zip that is in order, as the go command would find it.
func HashZip(v module.Version, f *os.File) (string, error) {
	if _, err := modzip.CheckZip(v, f.Name()); err != nil {
		return "", err
	}
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	z, err := openZip(f, st.Size())
	if err != nil {
		return "", err
	}
	var names []string
	files := map[string]*zip.File{}
	for _, f := range z.File {
		names = append(names, f.Name)
		files[f.Name] = f
	}
	return dirhash.Hash1(names, func(name string) (io.ReadCloser, error) { return files[name].Open() })
}

// GoMod returns the go.mod in a zip that is in order, and false if it has none.
func GoMod(v module.Version, r io.ReaderAt, size int64) (mod []byte, ok bool, err error) {
	z, err := openZip(r, size)
	if err != nil {
		return nil, false, err
	}
	name := v.String() + "/go.mod"
	for _, f := range z.File {
		if f.Name != name {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return nil, false, err
		}
		defer in.Close()
		mod, err = io.ReadAll(io.LimitReader(in, modzip.MaxGoMod+1))
		return mod, err == nil, err
	}
	return nil, false, nil
}

// openZip reads zips by an inflater that is faster than that of the standard library.
func openZip(r io.ReaderAt, size int64) (*zip.Reader, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("zip: %w", err)
	}
	z.RegisterDecompressor(zip.Deflate, newInflater)
	return z, nil
}

// Inflaters and deflaters are used again: each has large tables, and modules have many small files.
var (
	inflaters sync.Pool // of io.ReadCloser
	deflaters sync.Pool // of *flate.Writer
)

// inflater belongs to the pool again once it is closed.
type inflater struct{ r io.ReadCloser }

func newInflater(r io.Reader) io.ReadCloser {
	in, ok := inflaters.Get().(io.ReadCloser)
	if !ok {
		return &inflater{flate.NewReader(r)}
	}
	if err := in.(flate.Resetter).Reset(r, nil); err != nil {
		return io.NopCloser(failing{err})
	}
	return &inflater{in}
}

func (i *inflater) Read(p []byte) (int, error) {
	if i.r == nil {
		return 0, io.ErrClosedPipe
	}
	return i.r.Read(p)
}

// Close implements io.Closer.
func (i *inflater) Close() error {
	if i.r == nil {
		return nil
	}
	err := i.r.Close()
	inflaters.Put(i.r)
	i.r = nil
	return err
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type deflater struct{ *flate.Writer }

func newDeflater(w io.Writer) (io.WriteCloser, error) {
	if d, ok := deflaters.Get().(*flate.Writer); ok {
		d.Reset(w)
		return deflater{d}, nil
	}
	d, err := flate.NewWriter(w, level)
	return deflater{d}, err
}

// Close implements io.Closer. It must be called once.
func (d deflater) Close() error {
	err := d.Writer.Close()
	if err == nil {
		deflaters.Put(d.Writer)
	}
	return err
}
