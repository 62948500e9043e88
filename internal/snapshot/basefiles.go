package snapshot

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/module"
)

// Members are files of an archive, or of several: Next returns the next one, io.EOF after the last,
// and Read reads its content.
type Members interface {
	Next() (Member, error)
	io.Reader
}

// BaseFiles are the files that a delta takes from its base, as files of the version that it makes.
type BaseFiles struct {
	*Reader         // of the base
	from, to string // trees, in the names of files
	runs     []Run
	next     int // of the files of the tree
	// what may still come before the last of these files
	bytes  int64 // of the tree
	others int   // files that are not of the tree
}

// Bounds of what is decoded of a base, as a whole module has them where it is installed. The files
// beside the tree are three, of which the go command takes no more than 16 MiB each.
const (
	maxBase     = 500 << 20 // bytes of the tree
	maxOther    = 16 << 20  // bytes of each
	otherInBase = 3
)

// ErrNotInBase says that a base does not have what a delta says of it. Either can be wrong. It is
// ErrCorrupt.
var ErrNotInBase = fmt.Errorf("%w: not what the delta says of its base", ErrCorrupt)

// NewBaseFiles reads the base of a delta. v is what the delta makes.
func NewBaseFiles(base *Reader, d *Delta, v module.Version) (*BaseFiles, error) {
	from, err1 := treeName(v.Path, d.BaseVersion())
	to, err2 := treeName(v.Path, v.Version)
	b := BaseFiles{Reader: base, from: from, to: to, runs: d.Runs, bytes: min(d.Bytes, maxBase), others: otherInBase}
	return &b, cmp.Or(err1, err2)
}

// treeName is what the names of the files of a tree begin with.
func treeName(path, version string) (string, error) {
	p, err1 := module.EscapePath(path)
	v, err2 := module.EscapeVersion(version)
	return p + "@" + v + "/", cmp.Or(err1, err2)
}

// Next returns the next of these files, under its new name. What follows the last of them in the
// base is not read.
func (b *BaseFiles) Next() (Member, error) {
	for len(b.runs) > 0 {
		m, err := b.Reader.Next()
		if err == io.EOF {
			err = fmt.Errorf("%w: it has too few files", ErrNotInBase)
		}
		if err != nil {
			return m, err
		}
		rel, ok := strings.CutPrefix(m.Name, b.from)
		if err := b.count(m, ok); err != nil {
			return Member{}, err
		}
		if ok && b.takes() {
			m.Name = b.to + rel
			return m, nil
		}
	}
	return Member{}, io.EOF
}

// takes reports whether the next file of the tree is one of these.
func (b *BaseFiles) takes() bool {
	i, run := b.next, b.runs[0]
	b.next++
	if i == run.First+run.Count-1 {
		b.runs = b.runs[1:]
	}
	return i >= run.First
}

// count bounds what is decoded, before that. Files of the tree need no count: those that are taken
// are among as many as the delta says.
func (b *BaseFiles) count(m Member, inTree bool) error {
	if inTree {
		b.bytes -= m.Size
	} else {
		b.others--
	}
	switch {
	case b.bytes < 0:
		return fmt.Errorf("%w: it has more bytes", ErrNotInBase)
	case b.others < 0 || !inTree && m.Size > maxOther:
		return fmt.Errorf("%w: it has other files", ErrNotInBase)
	}
	return nil
}

// Merged are the files of a delta and those that it takes from its base, in one order: those of the
// tree by their names, as in a whole object, if both are in that order. It is for those who need
// that; to read one after the other takes less memory.
type Merged struct {
	sides   [2]Members
	next    [2]Member
	err     [2]error // io.EOF: there is no more
	current int      // side of the file that Next has returned
	tree    string
	begun   bool
}

// NewMerged merges what the reader of a delta has with files of its base.
func NewMerged(delta *Reader, base *BaseFiles) *Merged {
	return &Merged{sides: [2]Members{delta, base}, tree: base.to}
}

// Next implements Members.
func (m *Merged) Next() (Member, error) {
	if !m.begun {
		m.begun = true
		m.advance(1)
		m.advance(0)
	} else {
		m.advance(m.current)
	}
	for _, err := range m.err {
		if err != nil && err != io.EOF {
			return Member{}, err
		}
	}
	own, base := m.err[0] == nil, m.err[1] == nil
	switch {
	case !own && !base:
		return Member{}, io.EOF
	case own && (!base || !strings.HasPrefix(m.next[0].Name, m.tree) || m.next[0].Name < m.next[1].Name):
		m.current = 0
	default:
		m.current = 1
	}
	return m.next[m.current], nil
}

func (m *Merged) advance(side int) { m.next[side], m.err[side] = m.sides[side].Next() }

// Read reads from the current file.
func (m *Merged) Read(p []byte) (int, error) { return m.sides[m.current].Read(p) }
