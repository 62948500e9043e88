package dir

import (
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"
)

// private is the directory for everything that is not an object; see the package comment.
const private = ".#store"

// path returns the file of an object whose name is valid.
func (s *Store) path(name string) string {
	return filepath.Join(s.root, filepath.FromSlash(FilePath(name)))
}

// dirPath returns the directory of the objects below parent, which is "" or ends in a slash.
func (s *Store) dirPath(parent string) string {
	if parent == "" {
		return s.root
	}
	return s.path(strings.TrimSuffix(parent, "/"))
}

// unescape is the inverse of escape; ok is false for what no object name leads to, such as
// the private directory.
func unescape(elem string) (name string, ok bool) {
	name = elem
	if inner, found := strings.CutPrefix(elem, "#"); found {
		name, _ = strings.CutSuffix(inner, "#")
	}
	return name, escape(name) == elem && !strings.Contains(name, "#")
}

// escape keeps an element away from names that Windows reserves for devices or
// changes silently. It does so on every system, because a store may lie on a share. "#" cannot
// occur in an object name, so two names never share a file.
func escape(elem string) string {
	stem, _, _ := strings.Cut(elem, ".")
	if reserved(stem) || strings.HasSuffix(elem, ".") {
		return "#" + elem + "#"
	}
	return elem
}

func reserved(stem string) bool {
	switch stem {
	case "con", "prn", "aux", "nul":
		return true
	}
	if len(stem) != 4 || stem[3] < '0' || stem[3] > '9' {
		return false
	}
	return stem[:3] == "com" || stem[:3] == "lpt"
}

func (s *Store) tmpDir() string { return filepath.Join(s.root, private, "tmp") }

// lockPath returns the lock file for an object. A fixed number of them keeps the
// directory small; that two objects share one only makes a writer wait a moment.
func (s *Store) lockPath(name string) string {
	n := crc32.ChecksumIEEE([]byte(name)) % 64
	return filepath.Join(s.root, private, "lock", strconv.Itoa(int(n)))
}

// FilePath is where the object of a valid name lies below the root of a directory store, with
// slashes. A web server that shows the directory has it there.
func FilePath(name string) string {
	elems := strings.Split(name, "/")
	for i, e := range elems {
		elems[i] = escape(e)
	}
	return strings.Join(elems, "/")
}
