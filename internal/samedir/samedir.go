// Package samedir compares directories by identity. One directory can have many names: through
// symbolic links, in another case (Windows, macOS), by short names (Windows). So names are compared
// only for the part of a path that does not exist.
package samedir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxLinks bounds how many links are followed from a name that does not exist.
const maxLinks = 40

// Same reports whether two names denote one file or directory, which need not exist yet.
func Same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	if errA == nil && errB == nil {
		return os.SameFile(infoA, infoB)
	}
	// If only one exists, or this user may not look, equal spelling still counts.
	return equal(Real(a), Real(b))
}

// Inside reports whether dir is parent or lies in it, and returns its name relative to parent, with
// slashes.
func Inside(dir, parent string) (rel string, ok bool) {
	if dir == "" || parent == "" {
		return "", false
	}
	dir, parent = Real(dir), Real(parent)
	info, err := os.Stat(parent)
	for p := dir; ; p = filepath.Dir(p) {
		if sameAs(p, parent, info, err) {
			return filepath.ToSlash(cmpDot(strings.TrimPrefix(dir[len(p):], string(filepath.Separator)))), true
		}
		if p == filepath.Dir(p) {
			return "", false
		}
	}
}

// Within is Inside by the names as given, and follows links only if these do not tell.
func Within(dir, parent string) (rel string, ok bool) {
	if parent == "" {
		return "", false
	}
	if rel, err := filepath.Rel(parent, dir); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel), true
	}
	return Inside(dir, parent)
}

func cmpDot(rel string) string {
	if rel == "" {
		return "."
	}
	return rel
}

// sameAs is like Same, for a parent that was examined before.
func sameAs(p, parent string, info fs.FileInfo, err error) bool {
	if equal(p, parent) {
		return true
	}
	if err != nil {
		return false
	}
	own, err := os.Stat(p)
	return err == nil && os.SameFile(own, info)
}

// Real returns an absolute name without symbolic links. If name does not exist, the part of it that
// exists is resolved. A dangling link is followed to where it points.
func Real(name string) string {
	abs, err := filepath.Abs(name)
	if err != nil {
		return filepath.Clean(name)
	}
	return real(abs, maxLinks)
}

func real(abs string, links int) string {
	if r, err := filepath.EvalSymlinks(abs); err == nil {
		return r
	}
	parent := filepath.Dir(abs)
	if parent == abs {
		return abs
	}
	parent = real(parent, links)
	abs = filepath.Join(parent, filepath.Base(abs))
	target, err := os.Readlink(abs)
	if err != nil || links == 0 {
		return abs
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(parent, target)
	}
	return real(filepath.Clean(target), links-1)
}

// equal compares names that are resolved.
func equal(a, b string) bool {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		return strings.EqualFold(a, b)
	}
	return a == b
}

// ErrUnusable means that something that is not a directory has this name.
var ErrUnusable = errors.New("not a directory that can be used")

// Check returns nil if name is a directory, or does not exist, so that a directory can be made. A
// dangling symbolic link is neither: it stands for a directory that is missing right now, such as a
// volume that is not mounted.
func Check(name string) error {
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("%s: %w: it is a file", name, ErrUnusable)
	case !errors.Is(err, fs.ErrNotExist):
		if errors.Is(err, fs.ErrPermission) {
			return err
		}
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	// The name itself, or a directory on the way to it, may be a link.
	for p := filepath.Clean(name); ; p = filepath.Dir(p) {
		if info, err := os.Stat(p); err == nil && !info.IsDir() { // Windows: "path not found"
			return fmt.Errorf("%s: %w: %s is a file", name, ErrUnusable, p)
		} else if err == nil || p == filepath.Dir(p) {
			return nil
		}
		if target, err := os.Readlink(p); err == nil {
			return fmt.Errorf("%s: %w: it leads through the symbolic link %s to %s, which does not exist", name, ErrUnusable, p, target)
		}
	}
}
