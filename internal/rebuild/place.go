package rebuild

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/lockfile"
	"github.com/org/gocache-action/internal/osfile"
)

// Names in the directory of a cache, see the package comment.
const (
	asideDir = ".gocache-rebuild"
	lockFile = ".gocache-rebuild.lock"
	oldDir   = "old"
	newDir   = "new"
	trashDir = "trash"
)

// ErrRunning means that another rebuild works on the cache.
var ErrRunning = errors.New("another rebuild is running")

// A place is one cache directory, locked, with what is set aside of it.
type place struct {
	dir       string
	lock      lockfile.Lock
	j         *journal // nil: nothing was set aside
	discarded int      // how many things were moved into the trash
	interrupt func(string) error
}

// openPlace locks a cache directory, which need not exist.
func openPlace(dir string) (*place, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	lock, err := lockfile.Create(filepath.Join(dir, lockFile))
	if errors.Is(err, lockfile.ErrLocked) {
		return nil, fmt.Errorf("%w: %w", ErrRunning, err)
	}
	if err != nil {
		return nil, err
	}
	return &place{dir: dir, lock: lock, interrupt: func(string) error { return nil }}, nil
}

func (p *place) close() error { return p.lock.Remove() }

// path turns a name relative to the cache into a path.
func (p *place) path(name string) string { return filepath.Join(p.dir, filepath.FromSlash(name)) }

// aside is a path in the directory of the rebuild.
func (p *place) aside(elem ...string) string {
	for i := range elem {
		elem[i] = filepath.FromSlash(elem[i])
	}
	return filepath.Join(append([]string{p.dir, asideDir}, elem...)...)
}

// entries lists what is set aside of the directory of a cache if that is done as a whole. Of a
// build cache that is only what go commands make again: not the fuzzing corpus, nor what others
// keep there.
func entries(dir string, build bool) (list []string, err error) {
	found, err := os.ReadDir(dir)
	for _, d := range found {
		switch name := d.Name(); {
		case name == asideDir, strings.HasPrefix(name, lockFile), name == "lost+found":
		case build && !isBuildEntry(name):
		default:
			list = append(list, name)
		}
	}
	return list, err
}

// isBuildEntry reports whether the go command makes a file or directory of this name in GOCACHE, as
// often as it is missing.
func isBuildEntry(name string) bool {
	if len(name) == 2 {
		return strings.Trim(name, "0123456789abcdef") == ""
	}
	return slices.Contains([]string{"README", "trim.txt", "testexpire.txt", "log.txt"}, name)
}

// begin writes the journal of what is about to be set aside.
func (p *place) begin(j journal) error {
	if err := os.MkdirAll(p.aside(trashDir), 0o777); err != nil {
		return err
	}
	p.j = &j
	return p.j.write(p.aside())
}

// note writes the step that is about to begin.
func (p *place) note(name Name) error {
	if p.j == nil {
		return nil
	}
	p.j.Step = name
	return p.j.write(p.aside())
}

// setAside renames the units of the journal, as far as they exist.
func (p *place) setAside() error {
	for i, unit := range p.j.Units {
		if err := p.interrupt(fmt.Sprintf("aside %d", i)); err != nil {
			return err
		}
		if err := move(p.path(unit), p.aside(oldDir, unit)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("setting aside %s: %w", p.path(unit), err)
		}
	}
	return nil
}

// bringBack undoes setAside, wherever it was interrupted, and whatever was made meanwhile. It can
// be interrupted itself. What it cannot bring back stays where it is, and the journal with it.
func (p *place) bringBack() error {
	var errs []error
	p.makeRoom()
	for i, unit := range slices.Backward(p.j.Units) {
		if err := p.interrupt(fmt.Sprintf("back %d", i)); err != nil {
			return err
		}
		if err := p.bringBackOne(unit); err != nil {
			errs = append(errs, err)
		}
	}
	if p.j.Whole {
		errs = append(errs, p.discardNew())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("what was set aside is in %s, and the next rebuild tries again to bring it back: %w", p.aside(oldDir), err)
	}
	p.makeRoom()
	return nil
}

// makeRoom deletes what a rebuild that failed has made: the disk may be full, and the journal has
// yet to be written. Whatever is left is deleted, or named, in the end.
func (p *place) makeRoom() {
	for _, dir := range []string{newDir, trashDir} {
		list, _ := os.ReadDir(p.aside(dir))
		for _, d := range list {
			_ = osfile.RemoveAll(p.aside(dir, d.Name()))
		}
	}
}

func (p *place) bringBackOne(unit string) error {
	old := p.aside(oldDir, unit)
	if _, err := os.Lstat(old); errors.Is(err, fs.ErrNotExist) {
		return nil // it was never set aside, or is back already
	}
	if err := p.discard(unit); err != nil {
		return err
	}
	p.discardTemp(unit)
	return move(old, p.path(unit))
}

// discardTemp removes what a go command that was ended in the middle of writing a file has left: a
// file of that name with a number and ".tmp". It is no loss if that fails.
func (p *place) discardTemp(unit string) {
	dir, base := filepath.Split(p.path(unit))
	list, _ := os.ReadDir(dir)
	for _, d := range list {
		rest, ok := strings.CutPrefix(d.Name(), base)
		if number, temp := strings.CutSuffix(rest, ".tmp"); ok && temp && strings.Trim(number, "0123456789") == "" {
			_ = os.Remove(filepath.Join(dir, d.Name()))
		}
	}
}

// discard moves something that was made since into the trash, or deletes it if the disk is too full
// for that.
func (p *place) discard(unit string) error {
	from := p.path(unit)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := p.interrupt("discard")
	if err == nil {
		err = move(from, p.inTrash())
	}
	if osfile.IsNoSpace(err) {
		err = osfile.RemoveAll(from)
	}
	return err
}

// inTrash is a path in the trash that does not exist.
func (p *place) inTrash() string {
	for {
		path := p.aside(trashDir, strconv.Itoa(p.discarded))
		p.discarded++
		if _, err := os.Lstat(path); err != nil {
			return path
		}
	}
}

// discardNew discards what is in a directory that was set aside as a whole and was not in it.
func (p *place) discardNew() error {
	list, err := entries(p.dir, p.j.Build)
	for _, name := range list {
		if !slices.Contains(p.j.Units, name) {
			err = errors.Join(err, p.discard(name))
		}
	}
	return err
}

// settle ends a rebuild that was killed: it brings back what that has set aside, or deletes what it
// had left to delete. It says what it did.
func (p *place) settle() (did string, err error) {
	if p.j, err = readJournal(p.aside()); err != nil {
		return "", err
	}
	switch {
	case p.j == nil:
		did = ""
	case p.j.Done:
		did = "what an earlier rebuild had left to delete was deleted"
	default:
		did = fmt.Sprintf("an earlier rebuild was interrupted in the step %s, its changes were undone", p.j.Step)
		if err := p.bringBack(); err != nil {
			return "", err
		}
	}
	return did, p.clear()
}

// undo brings back what was set aside, and deletes what was made.
func (p *place) undo() error {
	if p.j != nil {
		if err := p.reopen(); err != nil {
			return err
		}
		if err := p.bringBack(); err != nil {
			return err
		}
	}
	return p.clear()
}

// finish makes the new cache the valid one.
func (p *place) finish() error { return p.setDone(true) }

// reopen takes that back: while the old one is brought back, the journal must not say that it is to
// be deleted. If that fails, the new cache stays the valid one.
func (p *place) reopen() error {
	if p.j == nil || !p.j.Done {
		return nil
	}
	p.makeRoom()
	return p.setDone(false)
}

func (p *place) setDone(done bool) error {
	if p.j == nil {
		return nil
	}
	was := p.j.Done
	p.j.Done = done
	err := p.j.write(p.aside())
	if err != nil {
		p.j.Done = was
	}
	return err
}

// clear deletes the directory of the rebuild, the journal last. A failure loses nothing: if
// something is left, the next rebuild deletes it.
func (p *place) clear() error {
	if p.j != nil && !p.j.Done {
		if err := p.finish(); err != nil {
			return err
		}
	}
	var errs []error
	for _, name := range []string{oldDir, trashDir, newDir} {
		errs = append(errs, osfile.RemoveAll(p.aside(name)))
	}
	if err := errors.Join(errs...); err != nil {
		return &LeftError{Dir: p.aside(), Err: err}
	}
	p.j = nil
	return osfile.RemoveAll(p.aside())
}

// A LeftError says that something could not be deleted. The caches are whole.
type LeftError struct {
	Dir string
	Err error
}

func (e *LeftError) Error() string {
	return fmt.Sprintf("%s can be deleted, which failed: %v", e.Dir, e.Err)
}

func (e *LeftError) Unwrap() error { return e.Err }

// move renames a file or directory, also a directory that is read-only, which must be writable to
// get another parent. The mode stays. If it fails, from is as it was.
func move(from, to string) error {
	st, err := os.Lstat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	locked := st.IsDir() && st.Mode().Perm()&0o200 == 0
	if locked {
		if err := os.Chmod(from, st.Mode().Perm()|0o700); err != nil {
			return err
		}
	}
	err = osfile.Rename(from, to)
	if locked {
		at := to
		if err != nil {
			at = from
		}
		err = errors.Join(err, os.Chmod(at, st.Mode().Perm()))
	}
	return err
}

// size sums the bytes of the files in a directory or of a file, 0 if there is none. What belongs to
// a rebuild does not count.
func size(path string) (n int64) {
	_ = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil
		case d.IsDir() && d.Name() == asideDir && p != path:
			return fs.SkipDir
		case !d.Type().IsRegular() || strings.HasPrefix(d.Name(), lockFile):
			return nil
		}
		if st, err := d.Info(); err == nil {
			n += st.Size()
		}
		return nil
	})
	return n
}
