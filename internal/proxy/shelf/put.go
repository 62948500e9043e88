package shelf

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Module is a verified version, ready to be stored.
type Module struct {
	Version   module.Version
	Sum       string
	Info, Mod []byte // nil for what is not known
	Zip       io.ReaderAt
	Size      int64 // of the zip
}

// Has reports whether a version is stored, whole or as what it has beyond another one.
func (s *Shelf) Has(ctx context.Context, v module.Version, sum string) (bool, error) {
	name, err := s.Object(v, sum)
	if err != nil {
		return false, err
	}
	for _, n := range modules.Names(name) {
		if _, err = s.Store.Stat(ctx, n); !errors.Is(err, store.ErrNotFound) {
			return err == nil, err
		}
	}
	return false, nil
}

// Objects are what is stored of a version: its whole object, or what it has beyond another version,
// and the object of that.
func (s *Shelf) Objects(ctx context.Context, v module.Version, sum string) ([]modules.Object, error) {
	name, err := s.Object(v, sum)
	if err != nil {
		return nil, err
	}
	info, err := s.Store.Stat(ctx, name)
	if !errors.Is(err, store.ErrNotFound) {
		return []modules.Object{{Name: name, Info: info}}, err
	}
	tree, err := modules.OpenTree(ctx, s.Store, []string{snapshot.DeltaObject(name)}, v)
	if err != nil {
		return nil, err
	}
	tree.Close()
	return tree.Objects, nil
}

// WriteObject writes the whole module object of a version, whether it is stored whole or not.
func (s *Shelf) WriteObject(ctx context.Context, v module.Version, sum string, dst io.Writer) error {
	tree, err := s.open(ctx, v, sum)
	if err != nil {
		return err
	}
	defer tree.Close()
	w := snapshot.NewModuleWriter(dst)
	if err := copyMembers(w, tree, v, sum); err != nil {
		w.Close()
		return err
	}
	_, err = w.Close()
	return err
}

func copyMembers(w *snapshot.Writer, files snapshot.Members, v module.Version, sum string) error {
	plain, escaped, err := modcache.Prefixes(v)
	if err != nil {
		return err
	}
	var tree modcache.TreeHash
	for {
		m, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		h := sha256.New()
		if _, err := w.Add(m, io.TeeReader(files, h)); err != nil {
			return err
		}
		if rel, ok := strings.CutPrefix(m.Name, escaped); ok {
			hash := [sha256.Size]byte(h.Sum(nil))
			tree.Add(plain+rel, hash)
			w.List(snapshot.HashFile(rel, m.Mode&0o111 != 0, hash))
		}
	}
	if got := tree.Sum(); got != sum {
		return fmt.Errorf("%w: %w", snapshot.ErrCorrupt, &SumError{v, got, sum})
	}
	return nil
}

// PutObject stores a whole module object that exists already, and that the caller has verified. One
// that is there and as good stays: others may build upon it.
func (s *Shelf) PutObject(ctx context.Context, v module.Version, sum string, object io.ReaderAt, size int64) error {
	name, err := s.Object(v, sum)
	if err != nil {
		return err
	}
	put := func(cond store.Condition) error {
		_, err := s.Store.Put(ctx, name, io.NewSectionReader(object, 0, size), size, cond)
		return err
	}
	err = put(store.Condition{IfAbsent: true})
	if errors.Is(err, store.ErrConflict) {
		if err = s.VerifyStored(ctx, v, sum); err == nil || store.IsFailure(err) {
			return err
		}
		return put(store.Condition{})
	}
	if errors.Is(err, store.ErrNoConditions) {
		return put(store.Condition{})
	}
	return err
}

// PutModule stores a module object, such as saves make. The object is written whole or not at all,
// and only if the tree in the zip has the hash of the version.
func (s *Shelf) PutModule(ctx context.Context, m Module) error {
	name, err := s.Object(m.Version, m.Sum)
	if err != nil {
		return err
	}
	z, err := openZip(m.Zip, m.Size)
	if err != nil {
		return fmt.Errorf("%s: %w", m.Version, err)
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(m.write(w, z))
	}()
	_, err = s.Store.Put(ctx, name, r, -1, store.Condition{})
	r.CloseWithError(errors.New("not needed any more"))
	<-done
	return err
}

// write writes the module object.
func (m Module) write(dst io.Writer, z *zip.Reader) error {
	w := snapshot.NewModuleWriter(dst)
	if err := m.writeMembers(w, z); err != nil {
		w.Close()
		return err
	}
	_, err := w.Close()
	return err
}

func (m Module) writeMembers(w *snapshot.Writer, z *zip.Reader) error {
	plain, escaped, err := modcache.Prefixes(m.Version)
	if err != nil {
		return err
	}
	if err := m.writeHead(w); err != nil {
		return err
	}
	files := slices.DeleteFunc(slices.Clone(z.File), func(f *zip.File) bool { return strings.HasSuffix(f.Name, "/") })
	slices.SortFunc(files, func(a, b *zip.File) int { return cmp.Compare(a.Name, b.Name) })
	var tree modcache.TreeHash
	for _, f := range files {
		rel, ok := strings.CutPrefix(f.Name, plain)
		if !ok {
			return fmt.Errorf("zip of %s: it has the file %.300q", m.Version, f.Name)
		}
		sum, err := writeFile(w, escaped+rel, f)
		if err != nil {
			return fmt.Errorf("zip of %s: %w", m.Version, err)
		}
		tree.Add(f.Name, sum)
		w.List(snapshot.HashFile(rel, false, sum))
	}
	if got := tree.Sum(); got != m.Sum {
		return &SumError{m.Version, got, m.Sum}
	}
	return nil
}

// writeHead writes what a module cache has beside the tree.
func (m Module) writeHead(w *snapshot.Writer) error {
	base, err := modcache.DownloadName(m.Version)
	if err != nil {
		return err
	}
	for _, f := range []struct {
		suffix string
		data   []byte
	}{{".info", m.Info}, {".mod", m.Mod}, {".ziphash", []byte(m.Sum)}} {
		if f.data == nil {
			continue
		}
		member := snapshot.Member{Name: base + f.suffix, Mode: 0o644, Size: int64(len(f.data))}
		if _, err := w.Add(member, bytes.NewReader(f.data)); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(w *snapshot.Writer, name string, f *zip.File) (sum [sha256.Size]byte, err error) {
	in, err := f.Open()
	if err != nil {
		return sum, err
	}
	defer in.Close()
	h := sha256.New()
	m := snapshot.Member{Name: name, Mode: 0o444, Size: int64(f.UncompressedSize64)}
	if _, err := w.Add(m, io.TeeReader(in, h)); err != nil {
		return sum, err
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}
