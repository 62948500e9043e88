// Package mtimes gives the files of a checkout modification times that depend on their content
// only, so that programs that trust size and mtime recognise a file after a fresh checkout.
//
// The go command keeps the result of a test under the names, sizes, modes and mtimes of the files
// and directories that the test looked at (cmd/go/internal/test, computeTestInputsID), and its
// index of a package of the main module under the names, sizes and mtimes of its files
// (cmd/go/internal/modindex, dirHash). It does not read the files again. A checkout sets all mtimes
// to now, which invalidates every such result. Equal times for two different contents would be
// worse: the result of one would be reported for the other.
//
// The time is computed from the SHA-256 of the bytes that are in the file now. It is not the time
// of a commit, which has whole seconds only, can be that of another commit (amended, rebased,
// cherry-picked), and is unknown in shallow clones. It does not come from git's hash either,
// because filters, line endings and encodings can change the bytes at checkout. See [Time] for how
// often two contents share a time.
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

// The range of times: 2^29 seconds (17 years) from 2000-01-01 on, in steps of 100 ns, the finest
// that NTFS stores. All are long past, since the go command does not trust files of the last two
// seconds, and archives and file systems can express all of them.
const (
	first   = 946684800
	seconds = 1 << 29
	step    = 100 * time.Nanosecond
	steps   = seconds * uint64(time.Second/step)
)

// Time returns the modification time for a content with this SHA-256. There are 5.4e15 such times,
// so a file that changes keeps its time with a probability of 1.9e-16, or of 1.9e-9 on a file
// system that rounds to whole seconds. And its size would have to stay the same as well to make it
// look unchanged.
func Time(sum [sha256.Size]byte) time.Time {
	n := binary.BigEndian.Uint64(sum[:]) % steps
	perSecond := uint64(time.Second / step)
	return time.Unix(first+int64(n/perSecond), int64(n%perSecond)*int64(step)).UTC()
}

// Result says what Set did.
type Result struct {
	// regular files and symbolic links that have the time of their content now
	Files       int   `json:"files"`
	Directories int   `json:"directories"` // that have the time of everything below them now
	Changed     int   `json:"changed"`     // of both, those that did not have it before
	Bytes       int64 `json:"bytes"`       // read, of all files
	// files that could not be read or set, or changed meanwhile
	LeftAlone int    `json:"leftAlone"`
	Reason    string `json:"reason,omitempty"`
}

// Set gives the files of root that tracked names, and the directories around them, their times.
// Names are relative to root with slashes. Missing files are skipped. A directory among the names,
// such as a submodule that was not checked out, counts as empty.
//
// A directory gets the time of the names, execute bits and contents of everything below it. It
// keeps its time if something below it, except .git, is not tracked or kept its time: a change of
// such a file would not show in the computed time.
//
// A file whose time cannot be set is no error; the first reason is in the result. Errors are a root
// that cannot be read, and that of ctx.
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

// errMeanwhile means that a file changed while it was read, and so keeps its time.
var errMeanwhile = errors.New("changed while it was read")

// directory sets the times of everything below a directory, and then its own. It returns the hash
// of its content, and whether everything in it has its time now. It descends from the root, rather
// than open each tracked name, so that it follows no links.
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

// entry sets the time of one directory entry of any type.
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
// it returns is for the directory, and includes the execute bit. The time of the file does not,
// since the go command checks modes itself.
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

// readerOnly hides the WriteTo method of files, which would allocate a buffer for each.
type readerOnly struct{ io.Reader }

// link does for a symbolic link what regular does for a file: the content is the target. It is an
// error if the system cannot set the times of links.
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

// set changes the time of a file unless it is right already, so that a second run writes nothing.
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

// leave records that something keeps its time.
func (s *setter) leave(err error) {
	s.res.LeftAlone++
	if s.res.Reason == "" {
		s.res.Reason = err.Error()
	}
}

func (s *setter) abs(rel string) string { return filepath.Join(s.root, filepath.FromSlash(rel)) }
