package modcache

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
	"golang.org/x/mod/module"
)

// Mending is what becomes of a version of which something is not what it should be. What it does
// not mention stays.
type Mending struct {
	// Tree, Zip, ZipHash, GoMod and Info are removed.
	Tree, Zip, ZipHash, GoMod, Info bool
	// Sum, unless it is "", becomes the content of .ziphash, and Mod, unless it is nil, that of
	// .mod.
	Sum string
	Mod []byte
}

// Mend changes a version so that the go command uses what is right of it, and fetches or extracts
// the rest. What that takes, plan says once no go command can change the version any more. The
// order is that of Remove: a tree disappears by one rename, then the zip, and only then .ziphash.
// It returns ErrBusy when a go command is working on the version. The tree takes space on the disk
// until the stage is closed or cleared.
func (s *Stage) Mend(v module.Version, plan func() (Mending, error)) error {
	p, err := locate(v)
	if err == nil {
		err = s.mend(p, plan)
	}
	if err != nil {
		return fmt.Errorf("mending %s: %w", v, err)
	}
	return nil
}

func (s *Stage) mend(p place, plan func() (Mending, error)) error {
	unlock, err := s.c.lock(p)
	if err != nil {
		return err
	}
	defer unlock()
	m, err := plan()
	if err != nil {
		return err
	}
	if m.Tree {
		if err := s.retire(s.c.path(p.tree)); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		suffix string
		gone   bool
	}{{".zip", m.Zip}, {".ziphash", m.ZipHash}, {".mod", m.GoMod}, {".info", m.Info}} {
		if !f.gone {
			continue
		}
		if err := removeFile(s.c.path(p.base + f.suffix)); err != nil {
			return err
		}
	}
	if m.Sum != "" {
		if err := s.place(s.c.path(p.base+".ziphash"), []byte(m.Sum)); err != nil {
			return err
		}
	}
	if m.Mod != nil {
		return s.place(s.c.path(p.base+".mod"), m.Mod)
	}
	return nil
}

// Lock takes the lock that go commands hold while they change go.sum or what they keep of the
// checksum database, or returns ErrBusy. The file stays, as cmd/go's own locks do.
func (c *Cache) Lock() (unlock func(), err error) {
	file := c.path("cache/lock")
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return nil, err
	}
	l := flock.New(file, flock.SetPermissions(0o666))
	ok, err := l.TryLock()
	if err == nil && !ok {
		err = fmt.Errorf("%s: %w", file, ErrBusy)
	}
	return func() { _ = l.Unlock() }, err
}
