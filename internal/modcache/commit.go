package modcache

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/osfile"
)

// SumError means that content does not have the hash that go.sum (or whoever asked) demands.
type SumError struct {
	Module    module.Version
	GoMod     bool // the .mod file, not the tree
	Got, Want string
}

func (e *SumError) Error() string {
	what := "module"
	if e.GoMod {
		what = "go.mod"
	}
	return fmt.Sprintf("%s of %s has checksum %s, want %s", what, e.Module, e.Got, e.Want)
}

// Commit verifies the version and lets it appear in the cache. sum is the h1 hash that the tree
// must have, goModSum the one of the .mod file, or "" when it is not known. Nothing reaches the
// cache when the content does not match (*SumError), when a file failed, or when a go command is at
// work on the version (ErrBusy). A .mod is required, except for toolchains; an .info is not, since
// the cache of who stored the version may have had none. In every case the Install is over, and
// what was staged is removed.
//
// A tree that is complete and has the same hash is left alone, unless Replace is set; missing small
// files and a missing zip are added to it. A broken tree is moved out of the way and removed once
// the new one is in place; if that fails, it is put back.
//
// # Killed at any instant
//
// All files are complete in the stage before the first step, and each step is one rename or unlink.
// The go command's own lock is held, so that no go command extracts the same version meanwhile. The
// steps, and what a go command finds when the process dies after each:
//
//  1. .info and .mod: what the module graph needs, as after "go list -m".
//  2. A broken tree goes away, then .partial (in the other order the broken tree would count).
//     The version is not downloaded.
//  3. A zip that is not the module's goes away: the go command would extract it beside a .ziphash.
//     The same.
//  4. .ziphash, over an existing one. Without a tree nothing but a zip is affected by it, and "go
//     mod verify" wants it to be there before a zip is: a zip without .ziphash makes it fail.
//  5. The tree, by one rename: from here on the version is complete.
//  6. The zip. Until then "go mod download" alone would fetch it.
//  7. The root of the tree becomes read-only, which it cannot be before: an ordinary user may not
//     rename a read-only directory. Until then the tree is complete but can be written to, as when
//     a go command dies at this point.
//
// So .ziphash comes before the tree: the one rename of step 5 decides, and no step leaves a tree
// that the go command would take for broken.
func (i *Install) Commit(sum, goModSum string) error {
	defer i.Abort()
	err := i.verify(sum, goModSum)
	if err == nil {
		err = i.seal()
	}
	if err == nil {
		err = i.publish(sum, goModSum)
	}
	if err != nil {
		return fmt.Errorf("installing %s: %w", i.p.v, err)
	}
	return nil
}

// verify checks everything that was received.
func (i *Install) verify(sum, goModWant string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err != nil {
		return i.err
	}
	if i.open > 0 {
		return fmt.Errorf("%d files are not closed", i.open)
	}
	if got := i.hash.Sum(); got != sum {
		return &SumError{Module: i.p.v, Got: got, Want: sum}
	}
	if h, ok := i.small[".ziphash"]; ok && string(bytes.TrimSpace(h)) != sum {
		return &SumError{Module: i.p.v, Got: string(bytes.TrimSpace(h)), Want: sum}
	}
	return i.verifySmall(goModWant)
}

func (i *Install) verifySmall(goModWant string) error {
	if info, ok := i.small[".info"]; ok {
		if err := checkInfo(i.p.v, info); err != nil {
			return err
		}
	}
	mod, hasMod := i.small[".mod"]
	if !hasMod && !i.p.needsMod() {
		return nil
	}
	if goModWant == "" {
		return checkMod(i.p.v, mod)
	}
	if got := goModSum(mod); got != goModWant {
		return &SumError{Module: i.p.v, GoMod: true, Got: got, Want: goModWant}
	}
	return nil
}

// checkInfo demands what modfetch reads from .info: JSON with the right version.
func checkInfo(v module.Version, data []byte) error {
	var info struct{ Version string }
	if err := json.Unmarshal(data, &info); err != nil {
		return fmt.Errorf(".info of %s: %w", v, err)
	}
	if info.Version != v.Version {
		return fmt.Errorf(".info of %s: version is %.100q", v, info.Version)
	}
	return nil
}

// checkMod tells whether data can be a .mod file: it names a module. Of an old module
// that has no go.mod, cmd/go makes up one with just that line. Only a hash can tell more.
func checkMod(v module.Version, data []byte) error {
	// "//vgo 0.0." starts what cmd/go made up once, and ignores today.
	if modfile.ModulePath(data) == "" || bytes.HasPrefix(data, []byte("//vgo 0.0.")) {
		return fmt.Errorf(".mod of %s is not a go.mod file", v)
	}
	return nil
}

// seal completes the zip and gives directories their final mode, the root of the tree excepted.
func (i *Install) seal() error {
	if i.zip != nil {
		if err := i.zip.close(); err != nil {
			return err
		}
	}
	if i.c.o.Writable || len(i.dirs) == 0 {
		return nil
	}
	mode, err := readOnly(i.root)
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(i.dirs) {
		if err := os.Chmod(filepath.Join(i.root, filepath.FromSlash(d)), mode); err != nil {
			return err
		}
	}
	return nil
}

// readOnly returns the mode of a directory without write permission, which is how cmd/go derives
// it.
func readOnly(dir string) (fs.FileMode, error) {
	st, err := os.Lstat(dir)
	if err != nil {
		return 0, err
	}
	return st.Mode() &^ 0o222, nil
}

// publish takes the steps that Commit documents.
func (i *Install) publish(sum, goModWant string) error {
	unlock, err := i.c.lock(i.p)
	if err != nil {
		return err
	}
	defer unlock()
	have := i.c.Stat(i.p.v)
	if err := i.publishSmall(goModWant); err != nil {
		return err
	}
	keep, err := i.keeps(have, sum)
	if err != nil {
		return err
	}
	if keep {
		err = i.dropWrongZip(have, sum)
	} else {
		err = i.publishTree(have, sum)
	}
	if err != nil {
		return err
	}
	if err := i.publishZip(); err != nil || keep || i.c.o.Writable {
		return err
	}
	return i.makeReadOnly()
}

// keeps tells whether the go command takes the tree that is there as complete and with this hash.
func (i *Install) keeps(have Module, sum string) (bool, error) {
	_, err := os.Lstat(i.c.path(i.p.base + ".partial"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return have.HasTree && err != nil && have.Sum == sum && !i.o.Replace, nil
}

func (i *Install) publishSmall(goModWant string) error {
	for _, suffix := range []string{".info", ".mod"} {
		data, ok := i.small[suffix]
		if !ok || i.keepsSmall(suffix, data, goModWant) {
			continue
		}
		if err := i.placeSmall(suffix, data); err != nil {
			return err
		}
	}
	return nil
}

// keepsSmall tells whether the file that is there will do. An .info may differ: the origin it names
// depends on the proxy. A .mod of known hash must be equal.
func (i *Install) keepsSmall(suffix string, data []byte, goModWant string) bool {
	old, err := osfile.ReadQuietly(i.c.path(i.p.base + suffix))
	if err != nil {
		return false
	}
	if suffix == ".info" {
		return checkInfo(i.p.v, old) == nil
	}
	return bytes.Equal(old, data) || goModWant == "" && checkMod(i.p.v, old) == nil
}

// placeSmall writes a file in the stage and renames it into cache/download.
func (i *Install) placeSmall(suffix string, data []byte) error {
	if err := i.c.step(suffix); err != nil {
		return err
	}
	temp := filepath.Join(i.dir, "small"+suffix)
	return writeAndRename(temp, i.c.path(i.p.base+suffix), data)
}

// writeAndRename writes data to temp and renames that to path, which can be anything but a
// directory with content.
func writeAndRename(temp, path string, data []byte) error {
	f, err := osfile.Create(temp, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return osfile.Rename(temp, path)
}

func removeFile(path string) error {
	if err := osfile.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// dropWrongZip removes a zip that is not known to be that of the module. With a right .ziphash
// beside it the go command checked it, or we did.
func (i *Install) dropWrongZip(have Module, sum string) error {
	zip := i.c.path(i.p.base + ".zip")
	if have.HasZip && have.Sum == sum && !i.o.Replace {
		return nil
	}
	if got, err := dirhash.HashZip(zip, dirhash.Hash1); err == nil && got == sum {
		return nil
	}
	if err := i.c.step("drop zip"); err != nil {
		return err
	}
	return removeFile(zip)
}

func (i *Install) publishZip() error {
	zip := i.c.path(i.p.base + ".zip")
	if i.zip == nil || i.c.hasFile(i.p.base+".zip") {
		return nil
	}
	if err := i.c.step(".zip"); err != nil {
		return err
	}
	return osfile.Rename(filepath.Join(i.dir, "zip"), zip)
}

func (i *Install) makeReadOnly() error {
	if err := i.c.step("read-only"); err != nil {
		return err
	}
	mode, err := readOnly(i.c.path(i.p.tree))
	if err != nil {
		return err
	}
	return os.Chmod(i.c.path(i.p.tree), mode)
}
