package modcache

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/osfile"
)

// publication moves one verified version from the stage to its place in the cache, in the steps
// that Install.Commit documents.
type publication struct {
	c       *Cache
	at      place
	replace bool // also a tree that looks complete

	sum, goModSum string // hashes of tree and .mod, as Commit got them

	dir    string            // in the stage; the zip is "zip" in it
	root   string            // the tree, in dir
	small  map[string][]byte // .info, .mod, by suffix
	hasZip bool
}

// publish runs these steps.
func (p *publication) publish() error {
	unlock, err := p.c.lock(p.at)
	if err != nil {
		return err
	}
	defer unlock()
	have := p.c.Stat(p.at.v)
	if err := p.publishSmall(); err != nil {
		return err
	}
	keep, err := p.keeps(have)
	if err != nil {
		return err
	}
	if keep {
		err = p.dropWrongZip(have)
	} else {
		err = p.publishTree(have)
	}
	if err != nil {
		return err
	}
	if err := p.publishZip(); err != nil || keep || p.c.o.Writable {
		return err
	}
	return p.makeReadOnly()
}

// keeps reports whether the existing tree stays: the go command considers it complete, and it has
// the right hash.
func (p *publication) keeps(have Module) (bool, error) {
	_, err := os.Lstat(p.c.path(p.at.base + ".partial"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return have.HasTree && err != nil && have.Sum == p.sum && !p.replace, nil
}

func (p *publication) publishSmall() error {
	for _, suffix := range []string{".info", ".mod"} {
		data, ok := p.small[suffix]
		if !ok || p.keepsSmall(suffix, data) {
			continue
		}
		if err := p.placeSmall(suffix, data); err != nil {
			return err
		}
	}
	return nil
}

// keepsSmall reports whether an existing file stays. An .info may differ: the origin in it depends
// on the proxy. A .mod must be equal if its hash is known.
func (p *publication) keepsSmall(suffix string, data []byte) bool {
	old, err := osfile.ReadQuietly(p.c.path(p.at.base + suffix))
	if err != nil {
		return false
	}
	if suffix == ".info" {
		return checkInfo(p.at.v, old) == nil
	}
	return bytes.Equal(old, data) || p.goModSum == "" && checkMod(p.at.v, old) == nil
}

// placeSmall writes a file in the stage and renames it into cache/download.
func (p *publication) placeSmall(suffix string, data []byte) error {
	if err := p.c.step(suffix); err != nil {
		return err
	}
	temp := filepath.Join(p.dir, "small"+suffix)
	return writeAndRename(temp, p.c.path(p.at.base+suffix), data)
}

// dropWrongZip removes a zip unless it is known to be the module's: the go command or this package
// checked it if the right .ziphash lies beside it, else its hash is computed.
func (p *publication) dropWrongZip(have Module) error {
	zip := p.c.path(p.at.base + ".zip")
	if have.HasZip && have.Sum == p.sum && !p.replace {
		return nil
	}
	if got, err := dirhash.HashZip(zip, dirhash.Hash1); err == nil && got == p.sum {
		return nil
	}
	if err := p.c.step("drop zip"); err != nil {
		return err
	}
	return removeFile(zip)
}

func (p *publication) publishZip() error {
	zip := p.c.path(p.at.base + ".zip")
	if !p.hasZip || p.c.hasFile(p.at.base+".zip") {
		return nil
	}
	if err := p.c.step(".zip"); err != nil {
		return err
	}
	return osfile.Rename(filepath.Join(p.dir, "zip"), zip)
}

func (p *publication) makeReadOnly() error {
	if err := p.c.step("read-only"); err != nil {
		return err
	}
	mode, err := readOnly(p.c.path(p.at.tree))
	if err != nil {
		return err
	}
	return os.Chmod(p.c.path(p.at.tree), mode)
}

// publishTree puts the new tree in the place of the old one, if there is one. When a step fails, on
// Windows often because another program has a file open, it puts the old tree back.
func (p *publication) publishTree(have Module) (err error) {
	old, err := remember(p.c.layout, p.at, filepath.Join(p.dir, "old"))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, old.putBack())
		}
	}()
	if err := p.retire(old); err != nil {
		return err
	}
	if err := p.dropWrongZip(have); err != nil {
		return err
	}
	if have.Sum != p.sum {
		if err := p.placeSmall(".ziphash", []byte(p.sum)); err != nil {
			return err
		}
	}
	tree := p.c.path(p.at.tree)
	if err := os.MkdirAll(filepath.Dir(tree), 0o777); err != nil {
		return err
	}
	if err := p.c.step("tree"); err != nil {
		return err
	}
	return osfile.Rename(p.root, tree)
}

// retire moves a broken tree into the stage, where it is removed later, and then removes .partial.
func (p *publication) retire(old *retired) error {
	if err := p.c.step("retire"); err != nil {
		return err
	}
	if err := old.moveAway(); err != nil {
		return err
	}
	if err := p.c.step(".partial"); err != nil {
		return err
	}
	return removeFile(old.partial)
}
