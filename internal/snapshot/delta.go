package snapshot

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"golang.org/x/mod/module"
)

// Versions of a module mostly repeat each other. So a version can be stored as a delta object,
// which has only those files that another version, its base, does not have under the same name with
// the same content. The base is always whole: the name of an object says which of both it is, so
// that neither mistake nor malice can make a chain of deltas. It lies below the same prefix and is
// of the same module, since a delta names nothing but a version and a hash.

// Base is the whole module object that a delta builds upon.
type Base struct {
	Object string `json:"object"` // full name
	Size   int64  `json:"size"`   // stored bytes
	Files  int    `json:"files"`  // of its tree
	Bytes  int64  `json:"bytes"`  // of its tree
}

// Run is a number of files of a tree that follow each other in the order of their names.
type Run struct{ First, Count int }

// Delta is what a delta object begins with.
type Delta struct {
	// version, escaped, and hash, as in the name of the object: "v1.0.0/<64 hex digits>"
	Base  string
	Files int   // of the tree of the base
	Bytes int64 // of the tree of the base
	Runs  []Run // the files that are taken from the base, ascending
}

const (
	deltaMagic  = skippableMagic + 0xd
	deltaSuffix = "-delta"
	// DeltaStart is in how many bytes of a delta object its base is named.
	DeltaStart = 512
	// maxDelta bounds what a delta object begins with: the largest tree has half as many runs as
	// files, of at most 6 bytes.
	maxDelta = 1 << 20
)

// DeltaObject names the delta object of the version whose whole object has this name.
func DeltaObject(whole string) string { return whole + deltaSuffix }

// IsDelta reports whether a module object is a delta, by its name.
func IsDelta(object string) bool { return strings.HasSuffix(object, deltaSuffix) }

// NewDelta describes a delta of which the files in runs are in the base.
func NewDelta(base Base, runs []Run) Delta {
	return Delta{Base: path.Join(path.Base(path.Dir(base.Object)), path.Base(base.Object)), Files: base.Files, Bytes: base.Bytes, Runs: runs}
}

// BaseObject names the base of a delta object.
func (d *Delta) BaseObject(object string) string { return path.Join(moduleDir(object), d.Base) }

// BaseVersion is the version of the base.
func (d *Delta) BaseVersion() string { return versionIn(path.Dir(d.Base)) }

// Version is that of a module object, or "" if the name has none.
func (b Base) Version() string { return versionIn(path.Base(path.Dir(b.Object))) }

func versionIn(escaped string) string {
	v, err := module.UnescapeVersion(escaped)
	if err != nil {
		return ""
	}
	return v
}

// moduleDir is what the names of all versions of a module begin with, below one prefix.
func moduleDir(object string) string { return path.Dir(path.Dir(object)) }

// SameModule reports whether two objects are of one module and below one prefix, so that whoever
// may read one may read the other.
func SameModule(object, other string) bool { return moduleDir(object) == moduleDir(other) }

// Objects are those in which the module is stored: one, or the delta and its base.
func (m *Module) Objects() []string {
	if m.Base == nil {
		return []string{m.Object}
	}
	return []string{m.Object, m.Base.Object}
}

// CheckBase makes sure that a module names a base if and only if it is stored as a delta, and that
// the base is whole, of the same module, and another version.
func (m *Module) CheckBase() error {
	switch b := m.Base; {
	case IsDelta(m.Object) != (b != nil):
		return fmt.Errorf("delta and base do not go together")
	case b == nil:
		return nil
	case !isModuleObject(b.Object) || IsDelta(b.Object) || !SameModule(m.Object, b.Object) || DeltaObject(b.Object) == m.Object:
		return fmt.Errorf("%.200q cannot be its base", b.Object)
	case !inSum(b.Size) || !inSum(b.Bytes) || b.Files < 1 || b.Files > MaxModuleFiles:
		return fmt.Errorf("base of %d bytes, %d files", b.Size, b.Files)
	}
	return nil
}

// Append appends the stored form.
func (d *Delta) Append(dst []byte) []byte {
	content := fmt.Appendf(nil, "base %s\nfiles %d\nbytes %d\n\n", d.Base, d.Files, d.Bytes)
	end := 0
	for _, r := range d.Runs {
		content = appendUvarints(content, int64(r.First-end), int64(r.Count))
		end = r.First + r.Count
	}
	return append(appendSkippable(dst, deltaMagic, len(content)), content...)
}

// appendSkippable appends the header of a zstd frame of n bytes that decoders pass over.
func appendSkippable(dst []byte, magic uint32, n int) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, magic)
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

// ReadDelta reads what a delta object begins with; the frames follow.
func ReadDelta(r io.Reader) (*Delta, error) {
	var h [8]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return nil, noEOF(err)
	}
	n, err := deltaLength(h)
	if err != nil {
		return nil, err
	}
	content := make([]byte, n)
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, noEOF(err)
	}
	d, rest, err := parseDelta(content)
	if err == nil {
		d.Runs, err = parseRuns(rest, d.Files)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: delta: %w", ErrCorrupt, err)
	}
	return &d, nil
}

// ReadDeltaStart reads the same from the first DeltaStart bytes of an object, or as many as it has,
// without the runs.
func ReadDeltaStart(start []byte) (Delta, error) {
	if len(start) < 8 {
		return Delta{}, io.ErrUnexpectedEOF
	}
	n, err := deltaLength([8]byte(start))
	if err != nil {
		return Delta{}, err
	}
	d, _, err := parseDelta(start[8:min(8+n, len(start))])
	if err != nil {
		return Delta{}, fmt.Errorf("%w: delta: %w", ErrCorrupt, err)
	}
	return d, nil
}

func deltaLength(h [8]byte) (int, error) {
	n := binary.LittleEndian.Uint32(h[4:])
	if binary.LittleEndian.Uint32(h[:]) != deltaMagic || n > maxDelta {
		return 0, fmt.Errorf("%w: no beginning of a delta", ErrCorrupt)
	}
	return int(n), nil
}

// parseDelta reads the lines, and returns what follows them.
func parseDelta(content []byte) (d Delta, rest []byte, err error) {
	lines, _, ok := bytes.Cut(content[:min(len(content), DeltaStart-8)], []byte("\n\n"))
	if !ok {
		return d, nil, fmt.Errorf("its lines do not end")
	}
	field := map[string]string{}
	for l := range strings.Lines(string(lines)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		field[name] = value
	}
	d.Base = field["base"]
	if version, hash, _ := strings.Cut(d.Base, "/"); versionIn(version) == "" || checkName(d.Base) != nil || !isHex64(hash) {
		return d, nil, fmt.Errorf("base %.200q", d.Base)
	}
	files, err1 := strconv.ParseUint(field["files"], 10, 63)
	size, err2 := strconv.ParseUint(field["bytes"], 10, 63)
	if err1 != nil || err2 != nil || files < 1 || files > MaxModuleFiles || size > maxSum {
		return d, nil, fmt.Errorf("a base of %.20q files, %.20q bytes", field["files"], field["bytes"])
	}
	d.Files, d.Bytes = int(files), int64(size)
	return d, content[len(lines)+2:], nil
}

// parseRuns reads runs of files of a tree, in order and with others between them.
func parseRuns(b []byte, files int) (runs []Run, err error) {
	end := 0
	for len(b) > 0 {
		gap, n := binary.Uvarint(b)
		count, k := binary.Uvarint(b[max(n, 0):])
		if n <= 0 || k <= 0 {
			return nil, fmt.Errorf("run %d is no number", len(runs))
		}
		left := uint64(files - end)
		if gap > left || count < 1 || count > left-gap || gap == 0 && len(runs) > 0 {
			return nil, fmt.Errorf("run %d of %d files, after %d, behind file %d", len(runs), count, gap, end)
		}
		r := Run{end + int(gap), int(count)}
		runs, end = append(runs, r), r.First+r.Count
		b = b[n+k:]
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("it takes nothing from its base")
	}
	return runs, nil
}
