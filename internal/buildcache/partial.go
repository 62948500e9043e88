package buildcache

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
)

// partialEnd is how the names of outputs end that are not whole: <xx>/<output>-d.<token>.partial.
// The go command neither finds such a file nor removes it: it looks up exact names, and trims those
// that end in -a and -d (trimSubdir in cmd/go/internal/cache). Only "go clean -cache" does, with
// all directories.
const partialEnd = ".partial"

// Partials are outputs that are put together from pieces in any order. At its full size with a hole
// in it an output would be linked into programs. So it has another name until it is whole, and the
// holes are gone when it gets its own by a rename. Processes do not share partial files: each has
// names of its own. Safe for concurrent use, but for two calls with the same output.
type Partials struct {
	c     *Cache
	token string // in all names
	owner *owner
}

// NewPartials returns a way to put outputs together, of which none is begun. Close it at the end.
func (c *Cache) NewPartials() Partials { return Partials{c, rand.Text()[:13], new(owner)} }

func (p Partials) file(o Output) string { return p.c.outputFile(o.ID) + "." + p.token + partialEnd }

// Create begins an output. It returns ErrPresent when the cache has it already with the right
// size. Prepare must have been called.
func (p Partials) Create(o Output) (*osfile.File, error) {
	if _, err := p.c.dataFile(o); err != nil {
		return nil, err
	}
	if p.c.Has(o) {
		return nil, ErrPresent
	}
	p.owner.mark(p.c.ownerFile(p.token))
	f, err := osfile.Create(p.file(o), perm(o))
	if err != nil {
		return nil, fmt.Errorf("creating output: %w", err)
	}
	return f, nil
}

// Open opens an output that was begun, for another piece. It never creates a file: one without the
// pieces before would have a hole.
func (p Partials) Open(o Output) (*osfile.File, error) {
	f, err := osfile.Reopen(p.file(o))
	if err != nil {
		return nil, fmt.Errorf("opening partial output: %w", err)
	}
	return f, nil
}

// Read opens what was put together.
func (p Partials) Read(o Output) (*os.File, error) { return os.Open(p.file(o)) }

// Remove removes an output that will not become whole.
func (p Partials) Remove(o Output) error { return osfile.Remove(p.file(o)) }

// Place gives an output, of which the caller has written every byte, its own name and mtime. It
// returns ErrPresent when the cache got it in the meantime; any other error says that it did not.
// In both cases what was put together is removed. Anything else at its place is replaced.
func (p Partials) Place(o Output, mtime time.Time) error {
	err := p.place(o, mtime)
	if err == nil {
		return nil
	}
	p.Remove(o)
	if err == ErrPresent {
		return err
	}
	return fmt.Errorf("writing output: %w", err)
}

func (p Partials) place(o Output, mtime time.Time) error {
	path, err := p.c.dataFile(o)
	if err != nil {
		return err
	}
	if err := p.c.makeWay(o); err != nil {
		return err
	}
	// The time comes last: with an old one, other processes would take the partial file for one
	// that was left behind.
	if o.Exec == "" {
		err := osfile.Rename(p.file(o), path)
		if err == nil {
			if err = os.Chtimes(path, mtime, mtime); err != nil {
				os.Remove(path)
			}
		}
		return err
	}
	// Until the file is in it the directory of a program is empty, which the go command takes as a
	// miss.
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := osfile.Rename(p.file(o), path); err != nil {
		os.Remove(dir) // if it is empty
		return err
	}
	// cmd/go reads, refreshes and trims by the time of the directory.
	err = os.Chtimes(dir, mtime, mtime)
	if err != nil {
		os.Remove(path)
		os.Remove(dir)
	}
	return err
}

// makeWay removes what is at the place of an output and cannot be replaced by a rename. It returns
// ErrPresent if the go command would find the output there.
func (c *Cache) makeWay(o Output) error {
	top := c.outputFile(o.ID)
	st, err := os.Lstat(top)
	if err != nil {
		return nil // the rename says what is wrong, if anything
	}
	if isWhole(o, top, st) {
		return ErrPresent
	}
	if st.IsDir() && o.Exec != "" && c.onlyHas(o.ID, o.Exec) {
		return nil // perhaps another process has just made it
	}
	if st.IsDir() || o.Exec != "" {
		return osfile.RemoveAll(top)
	}
	return nil
}

// onlyHas reports whether an output directory has no other file than one of this name.
func (c *Cache) onlyHas(id digest.ID, name string) bool {
	list, err := os.ReadDir(c.outputFile(id))
	return err == nil && (len(list) == 0 || len(list) == 1 && list[0].Name() == name && list[0].Type().IsRegular())
}

// Has reports whether the go command would find an output, with its size.
func (c *Cache) Has(o Output) bool {
	path := c.outputFile(o.ID)
	st, err := os.Lstat(path)
	return err == nil && isWhole(o, path, st)
}

// isPartial reports whether a file of a subdirectory is an output that is not whole.
func isPartial(name string) bool {
	rest, ok := strings.CutSuffix(name, partialEnd)
	if id, token, found := strings.Cut(rest, "-d."); ok && found && token != "" {
		_, err := digest.Parse(id)
		return err == nil
	}
	return false
}
