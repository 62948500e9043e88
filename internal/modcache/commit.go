package modcache

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// SumError means that a tree or a .mod file does not have the hash that the caller, mostly from
// go.sum, asked for.
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

// Commit verifies the version and makes it visible in the cache. sum is the h1 hash that the tree
// must have, goModSum that of the .mod file, or "" when it is not known. Nothing reaches the cache
// when the content does not match (*SumError), when a file could not be written, or when a go
// command is working on the version (ErrBusy). A .mod is required, except for toolchains; an .info
// is not, since the cache from which the version was stored may have had none. The Install ends in
// every case, and the staged files are removed.
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
//  2. A broken tree is moved away, then .partial is removed (in the other order the broken tree
//     would count). To the go command, the version is not downloaded yet.
//  3. A zip that is not the module's is removed: the go command would extract it, once .ziphash is
//     there. The version still is not downloaded.
//  4. .ziphash is written, over an existing one. Without a tree it matters only to a zip, and it
//     must come before the zip: "go mod verify" fails on a zip without .ziphash.
//  5. The tree appears by one rename. From here on the version is complete.
//  6. The zip appears. Until then only "go mod download" would fetch it.
//  7. The root of the tree becomes read-only. It cannot be so earlier, because an ordinary user may
//     not rename a read-only directory. Until then the tree is complete but writable, as it is when
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
		err = i.publication(sum, goModSum).publish()
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
	if got := GoModSum(mod); got != goModWant {
		return &SumError{Module: i.p.v, GoMod: true, Got: got, Want: goModWant}
	}
	return nil
}

// checkInfo checks what modfetch reads from .info: JSON with the right version.
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

// checkMod checks that data names a module, as every .mod file does: for an old module without a
// go.mod, cmd/go writes a file with just that line. Only a hash can prove more.
func checkMod(v module.Version, data []byte) error {
	// Early versions of cmd/go wrote files that begin with "//vgo 0.0."; today it ignores them.
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
	if i.c.o.Writable || len(i.names.dirs) == 0 {
		return nil
	}
	mode, err := readOnly(i.root)
	if err != nil {
		return err
	}
	for _, d := range slices.Backward(i.names.dirs) {
		if err := os.Chmod(filepath.Join(i.root, filepath.FromSlash(d)), mode); err != nil {
			return err
		}
	}
	return nil
}

// publication is what Commit publishes.
func (i *Install) publication(sum, goModSum string) *publication {
	return &publication{
		c: i.c, at: i.p, replace: i.o.Replace, sum: sum, goModSum: goModSum,
		dir: i.dir, root: i.root, small: i.small, hasZip: i.zip != nil,
	}
}

// readOnly returns the mode of a directory less write permission, as cmd/go computes it.
func readOnly(dir string) (fs.FileMode, error) {
	st, err := os.Lstat(dir)
	if err != nil {
		return 0, err
	}
	return st.Mode() &^ 0o222, nil
}
