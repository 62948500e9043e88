package shelf

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
)

// SumError says that a tree is not the one that it should be.
type SumError struct {
	Module    module.Version
	Got, Want string
}

func (e *SumError) Error() string {
	return fmt.Sprintf("module %s has the hash %s, not %s", e.Module, e.Got, e.Want)
}

// level is fast: a zip is made once, and read by many over a network that is mostly local.
const level = 2

// WriteZip makes the zip of a version from what is stored of it, and returns an error unless the
// tree has the hash sum. Zips made of one tree are equal, for names come sorted and times are not
// stored.
func (s *Shelf) WriteZip(ctx context.Context, v module.Version, sum string, w io.Writer) error {
	tree, err := s.open(ctx, v, sum)
	if err != nil {
		return err
	}
	defer tree.Close()
	return writeZip(tree, v, sum, w)
}

// VerifyStored reads what is stored of a version from the first byte to the last, and returns an
// error unless the tree has the hash sum.
func (s *Shelf) VerifyStored(ctx context.Context, v module.Version, sum string) error {
	return s.WriteZip(ctx, v, sum, nil)
}

// Verify reads a whole module object from its first byte to its last, and returns an error unless
// its tree has the hash sum.
func Verify(object io.Reader, v module.Version, sum string) error {
	rd := snapshot.NewReader(snapshot.StreamModule(object), nil, nil)
	defer rd.Close()
	return writeZip(rd, v, sum, nil)
}

// writeZip makes a zip of the files of a version. Without w it only verifies them.
func writeZip(files snapshot.Members, v module.Version, sum string, w io.Writer) (err error) {
	t := treeZip{files: files}
	if t.plain, t.escaped, err = modcache.Prefixes(v); err != nil {
		return err
	}
	if w != nil {
		t.z = zip.NewWriter(w)
		t.z.RegisterCompressor(zip.Deflate, newDeflater)
	}
	if err := t.copy(); err != nil {
		return err
	}
	if got := t.hash.Sum(); got != sum {
		return fmt.Errorf("%w: %w", snapshot.ErrCorrupt, &SumError{v, got, sum})
	}
	if t.z == nil {
		return nil
	}
	return t.z.Close()
}

// open opens a version, which is stored whole or as what it has beyond another one.
func (s *Shelf) open(ctx context.Context, v module.Version, sum string) (*modules.Tree, error) {
	name, err := s.Object(v, sum)
	if err != nil {
		return nil, err
	}
	return modules.OpenTree(ctx, s.Store, modules.Names(name), v)
}

// treeZip copies the tree of a module object into a zip.
type treeZip struct {
	files          snapshot.Members
	z              *zip.Writer // nil: only the hash is wanted
	plain, escaped string
	hash           modcache.TreeHash
	count          int
	bytes          int64
}

func (t *treeZip) copy() error {
	for {
		m, err := t.files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		rel, ok := strings.CutPrefix(m.Name, t.escaped)
		if !ok {
			continue // .info, .mod and .ziphash
		}
		t.count++
		t.bytes += m.Size
		if t.count > modcache.MaxFiles || t.bytes > modcache.MaxTreeSize {
			return fmt.Errorf("%w: tree of more than %d files, or %d bytes", snapshot.ErrCorrupt, modcache.MaxFiles, modcache.MaxTreeSize)
		}
		if err := t.member(t.plain+rel, m.Size); err != nil {
			return err
		}
	}
}

func (t *treeZip) member(name string, size int64) error {
	if strings.ContainsRune(name, '\n') {
		return fmt.Errorf("%w: file name %.300q", snapshot.ErrCorrupt, name)
	}
	h := sha256.New()
	dst := io.Writer(h)
	if t.z != nil {
		w, err := t.z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err != nil {
			return err
		}
		dst = io.MultiWriter(w, h)
	}
	n, err := io.Copy(dst, t.files)
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	t.hash.Add(name, [sha256.Size]byte(h.Sum(nil)))
	return err
}

// Head reads the .info and the .mod that are stored with a version; nil for what it does not have.
func (s *Shelf) Head(ctx context.Context, v module.Version, sum string) (info, mod []byte, err error) {
	tree, err := s.open(ctx, v, sum)
	if err != nil {
		return nil, nil, err
	}
	defer tree.Close()
	for {
		m, err := tree.Next()
		if err == io.EOF || err == nil && !strings.HasPrefix(m.Name, "cache/") {
			return info, mod, nil // the tree comes behind them
		}
		if err != nil {
			return nil, nil, err
		}
		switch {
		case strings.HasSuffix(m.Name, ".info") && m.Size <= modcache.MaxInfo:
			info, err = io.ReadAll(tree)
		case strings.HasSuffix(m.Name, ".mod") && m.Size <= modcache.MaxGoMod:
			mod, err = io.ReadAll(tree)
		}
		if err != nil {
			return nil, nil, err
		}
	}
}
