package dir

import (
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/store"
)

// private is the directory for everything that is not an object; see the package comment.
const private = ".#store"

// A layout maps object names to paths, and back. It is an immutable value and touches no file.
type layout struct {
	root string // absolute
}

// path returns the file of an object whose name is valid.
func (l layout) path(name string) string {
	return filepath.Join(l.root, filepath.FromSlash(FilePath(name)))
}

// dir returns the directory of the objects below parent, which is "" or ends in a slash.
func (l layout) dir(parent string) string {
	if parent == "" {
		return l.root
	}
	return l.path(strings.TrimSuffix(parent, "/"))
}

// tmp is the directory of temporary files.
func (l layout) tmp() string { return filepath.Join(l.root, private, "tmp") }

// lock returns the lock file of an object. Their number is fixed, which keeps the directory small;
// two objects that share a lock file only make a writer wait for a moment.
func (l layout) lock(name string) string {
	n := crc32.ChecksumIEEE([]byte(name)) % 64
	return filepath.Join(l.root, private, "lock", strconv.Itoa(int(n)))
}

// asideRoot is the directory that objects are moved into while they are replaced in two steps.
func (l layout) asideRoot() string { return filepath.Join(l.root, private, "old") }

// aside returns the path of an object below asideRoot.
func (l layout) aside(name string) string {
	return filepath.Join(l.asideRoot(), filepath.FromSlash(FilePath(name)))
}

// asideName is the inverse of aside.
func (l layout) asideName(path string) (string, bool) {
	rel, err := filepath.Rel(l.asideRoot(), path)
	if err != nil {
		return "", false
	}
	elems := strings.Split(filepath.ToSlash(rel), "/")
	for i, e := range elems {
		var ok bool
		if elems[i], ok = unescape(e); !ok {
			return "", false
		}
	}
	name := strings.Join(elems, "/")
	return name, store.CheckName(name) == nil
}

// FilePath returns the slash-separated path of an object, relative to the root of a directory
// store. It is also the path at which a web server that serves the directory has the object.
func FilePath(name string) string {
	elems := strings.Split(name, "/")
	for i, e := range elems {
		elems[i] = escape(e)
	}
	return strings.Join(elems, "/")
}

// escape changes elements that Windows reserves for devices or alters silently. It does so on every
// system, because the directory may be on a network share. No object name contains "#", so no two
// names share a file.
func escape(elem string) string {
	stem, _, _ := strings.Cut(elem, ".")
	if reserved(stem) || strings.HasSuffix(elem, ".") {
		return "#" + elem + "#"
	}
	return elem
}

// unescape is the inverse of escape; ok is false for file names that belong to no object, such as
// that of the private directory.
func unescape(elem string) (name string, ok bool) {
	name = elem
	if inner, found := strings.CutPrefix(elem, "#"); found {
		name, _ = strings.CutSuffix(inner, "#")
	}
	return name, escape(name) == elem && !strings.Contains(name, "#")
}

// reserved reports whether Windows takes a file name with this stem for a device.
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
