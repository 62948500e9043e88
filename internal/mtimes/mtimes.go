// Package mtimes gives the files of a checkout modification times that depend on their
// content only, so that what trusts size and mtime knows a file again after a fresh checkout.
//
// The go command keeps the result of a test under the names, sizes, modes and mtimes of the files
// and directories that the test looked at (cmd/go/internal/test, computeTestInputsID), and its
// index of a package of the main module under the names, sizes and mtimes of its files
// (cmd/go/internal/modindex, dirHash). It reads neither again. A checkout makes all mtimes new,
// which loses every such result; a time that is the same for two contents would be worse, as the
// result of the one would be given for the other.
//
// The time is made of the SHA-256 of the bytes that are in the file now: not of a commit, whose
// time has seconds only and can be that of another commit (amended, rebased, cherry-picked) and
// which shallow clones do not know; and not of git's hash, from which the bytes differ where a
// filter, a line ending or an encoding is applied on the way. See [Time] for how often two contents
// share one.
//
// The package knows nothing of git: the caller names the files. It works in one directory tree,
// follows no symbolic link, and starts no goroutine.
package mtimes

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// The range of times that are given: 2000-01-01 and the 2^29 seconds (17 years) from then on, in
// steps of 100 ns, the finest that NTFS keeps. All are long past, since the go command trusts no
// file of the last two seconds, and within what archives and file systems can express.
const (
	first   = 946684800
	seconds = 1 << 29
	step    = 100 * time.Nanosecond
	steps   = seconds * uint64(time.Second/step)
)

// Time returns the modification time for a content with this SHA-256. It is one of 5.4e15, so a
// file that changes keeps its time with a probability of 1.9e-16, where a file system rounds to
// whole seconds of 1.9e-9; and its size has to stay the same as well before anything is taken for
// unchanged.
func Time(sum [sha256.Size]byte) time.Time {
	n := binary.BigEndian.Uint64(sum[:]) % steps
	perSecond := uint64(time.Second / step)
	return time.Unix(first+int64(n/perSecond), int64(n%perSecond)*int64(step)).UTC()
}

// Result says what Set did.
type Result struct {
	// regular files and symbolic links that have the time of their content now
	Files       int   `json:"files"`
	Directories int   `json:"directories"` // the same, of all that is below them
	Changed     int   `json:"changed"`     // of both, those that did not have it before
	Bytes       int64 `json:"bytes"`       // read, of all files
	// files that could not be read or set, or changed meanwhile
	LeftAlone int    `json:"leftAlone"`
	Reason    string `json:"reason,omitempty"`
}

// Set gives the files of root that tracked names, and the directories around them, their times.
// Names are relative to root with slashes. What is not there is passed over; a directory that is
// named itself, such as a submodule that was not checked out, counts as empty.
//
// A directory gets the time of the names, execute bits and contents of everything below it. It is
// left alone when something below it is not tracked or was left alone, except for .git: so its time
// never says less than the file system's own.
//
// One file that cannot be set is no error; the first reason is in the result. The error is that
// root cannot be read, or that of ctx.
func Set(ctx context.Context, root string, tracked []string) (Result, error) {
	s := setter{ctx: ctx, root: root, files: make(map[string]bool, len(tracked)), dirs: map[string]bool{"": true}, buf: make([]byte, 128<<10), hash: sha256.New()}
	for _, name := range tracked {
		s.files[name] = true
		for dir := parent(name); !s.dirs[dir]; dir = parent(dir) {
			s.dirs[dir] = true
		}
	}
	_, _, err := s.directory("")
	return s.res, err
}

// parent is path.Dir with "" for the root.
func parent(name string) string {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i]
	}
	return ""
}

// setter is one call of Set.
type setter struct {
	ctx   context.Context
	root  string
	files map[string]bool // tracked
	dirs  map[string]bool // with something tracked below
	buf   []byte
	hash  hash.Hash
	res   Result
}

// errMeanwhile is why a file is left alone that somebody else writes.
var errMeanwhile = errors.New("changed while it was read")

// directory works on everything below a directory and then on itself. It returns the hash of what
// is there, and whether all of it has its time. Descending from the root, rather than opening the
// names one by one, is what keeps it from following links.
func (s *setter) directory(rel string) (sum [sha256.Size]byte, whole bool, err error) {
	if err := s.ctx.Err(); err != nil {
		return sum, false, err
	}
	entries, err := os.ReadDir(s.abs(rel))
	if err != nil {
		return sum, false, err
	}
	whole = true
	all := sha256.New()
	for _, e := range entries {
		if e.Name() == ".git" {
			continue // changes with every git command
		}
		sum, ok, err := s.entry(path.Join(rel, e.Name()), e)
		if err != nil {
			return sum, false, err
		}
		whole = whole && ok
		fmt.Fprintf(all, "%q %x\n", e.Name(), sum)
	}
	all.Sum(sum[:0])
	if whole {
		whole = s.give(rel, sum, &s.res.Directories)
	}
	return sum, whole, nil
}

// entry works on one entry of a directory, whatever it is.
func (s *setter) entry(rel string, e fs.DirEntry) (sum [sha256.Size]byte, whole bool, err error) {
	kind := e.Type()
	switch {
	case kind.IsDir() && s.dirs[rel]:
		sum, whole, err = s.directory(rel)
		if err != nil && s.ctx.Err() == nil {
			s.leave(err)
			err = nil
		}
		return sum, whole, err
	case !s.files[rel]:
		return sum, false, nil
	case kind.IsDir():
		return sum, s.give(rel, sum, &s.res.Directories), nil
	case kind.IsRegular():
		sum, err = s.regular(rel)
	case kind&fs.ModeSymlink != 0:
		sum, err = s.link(rel)
	default:
		return sum, false, nil
	}
	if err != nil {
		s.leave(err)
		return sum, false, s.ctx.Err()
	}
	return sum, true, nil
}

// regular reads a file and gives it its time, unless somebody writes to it meanwhile. The hash that
// it returns, for the directory, has the execute bit in it; the go command looks at the mode of a
// file itself.
func (s *setter) regular(rel string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(s.abs(rel))
	if err != nil {
		return sum, err
	}
	defer f.Close()
	before, err := f.Stat()
	if err != nil {
		return sum, err
	}
	s.hash.Reset()
	n, err := io.CopyBuffer(s.hash, readerOnly{f}, s.buf)
	s.res.Bytes += n
	if err != nil {
		return sum, err
	}
	s.hash.Sum(sum[:0])
	want := Time(sum)
	if before.Mode()&0o111 != 0 {
		sum[0] ^= 1
	}
	after, err := os.Lstat(s.abs(rel))
	if err != nil {
		return sum, err
	}
	if !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) || after.Size() != n {
		return sum, fmt.Errorf("%s: %w", rel, errMeanwhile)
	}
	return sum, s.set(rel, after.ModTime(), want, &s.res.Files)
}

// readerOnly hides that files can copy themselves, which would allocate a buffer for each.
type readerOnly struct{ io.Reader }

// link is regular for the target of a symbolic link, which is its content. Where links have no
// times of their own that can be set, that is an error and leaves it alone.
func (s *setter) link(rel string) (sum [sha256.Size]byte, err error) {
	target, err := os.Readlink(s.abs(rel))
	if err != nil {
		return sum, err
	}
	info, err := os.Lstat(s.abs(rel))
	if err != nil {
		return sum, err
	}
	sum = sha256.Sum256([]byte("link " + target))
	return sum, s.set(rel, info.ModTime(), Time(sum), &s.res.Files)
}

// give sets the time of a directory and reports whether that worked.
func (s *setter) give(rel string, sum [sha256.Size]byte, count *int) bool {
	info, err := os.Lstat(s.abs(rel))
	if err == nil {
		err = s.set(rel, info.ModTime(), Time(sum), count)
	}
	if err != nil {
		s.leave(err)
	}
	return err == nil
}

// set changes the time of a file where it is not right already, so that a second run writes
// nothing.
func (s *setter) set(rel string, have, want time.Time, count *int) error {
	if !have.Equal(want) {
		if err := setTime(s.abs(rel), want); err != nil {
			return err
		}
		s.res.Changed++
	}
	*count++
	return nil
}

// leave notes that something was left alone.
func (s *setter) leave(err error) {
	s.res.LeftAlone++
	if s.res.Reason == "" {
		s.res.Reason = err.Error()
	}
}

func (s *setter) abs(rel string) string { return filepath.Join(s.root, filepath.FromSlash(rel)) }
