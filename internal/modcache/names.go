package modcache

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/module"
)

// checkTreeName refuses names that the go command or file systems refuse.
func checkTreeName(rel string) error {
	if len(rel) > MaxName {
		return fmt.Errorf("%.300q: name of %d bytes", rel, len(rel))
	}
	if n := strings.Count(rel, "/"); n > maxDepth {
		return fmt.Errorf("%.300q: %d directories deep", rel, n)
	}
	for elem := range strings.SplitSeq(rel, "/") {
		if len(elem) > maxElement {
			return fmt.Errorf("%.300q: element of %d bytes", rel, len(elem))
		}
	}
	return module.CheckFilePath(rel)
}

// treeNames holds the names of the files and directories of a tree that is being installed, and
// checks them against rules and limits. It is not safe for concurrent use.
type treeNames struct {
	folded map[string]string // case-folded path: path
	isDir  map[string]bool
	dirs   []string // in order of creation
	prefix int      // bytes before each path in the zip
	bytes  int      // of all names, as in the zip
}

func newTreeNames(prefix int) treeNames {
	return treeNames{folded: map[string]string{}, isDir: map[string]bool{}, prefix: prefix}
}

// claim reserves a name in the tree, under the rules of golang.org/x/mod/zip.
func (t *treeNames) claim(rel string, dir bool) error {
	fold := foldCase(rel)
	other, taken := t.folded[fold]
	switch {
	case !taken:
		if t.bytes += t.prefix + len(rel); t.bytes > MaxNames || dir && len(t.dirs) >= MaxDirs {
			return fmt.Errorf("more than %d directories, or %d bytes of names", MaxDirs, MaxNames)
		}
		t.folded[fold] = rel
	case other != rel:
		return fmt.Errorf("%q and %q differ in case only", other, rel)
	case dir != t.isDir[rel]:
		return fmt.Errorf("%q is both a file and a directory", rel)
	case !dir:
		return fmt.Errorf("%q: second file of this name", rel)
	}
	return nil
}

// makeDir creates a directory of the tree in root and those above it, each once.
func (t *treeNames) makeDir(root, rel string) error {
	if rel == "." || t.isDir[rel] {
		return nil
	}
	if err := t.makeDir(root, path.Dir(rel)); err != nil {
		return err
	}
	if err := t.claim(rel, true); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(root, filepath.FromSlash(rel)), 0o777); err != nil {
		return err
	}
	t.isDir[rel] = true
	t.dirs = append(t.dirs, rel)
	return nil
}

// foldCase maps all names that are equal under strings.EqualFold to one string, like strToFold in
// golang.org/x/mod/zip.
func foldCase(s string) string {
	for k := range len(s) {
		if c := s[k]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(minFold, s)
		}
	}
	return s
}

// minFold returns the smallest rune in the orbit of r, and for letters of ASCII the lower-case one.
func minFold(r rune) rune {
	for {
		r0 := r
		if r = unicode.SimpleFold(r); r <= r0 {
			break
		}
	}
	if 'A' <= r && r <= 'Z' {
		r += 'a' - 'A'
	}
	return r
}
