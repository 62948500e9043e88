// Package buildcache knows the layout of GOCACHE, the go command's build cache, on local disk: it
// lists what is there, reads and installs entries, and removes them. It knows nothing of stores or
// snapshots. The facts come from cmd/go/internal/cache of go1.26.
//
// # Layout
//
//   - <xx>/<action>-a is an action entry: one line that names an output and its size.
//   - <xx>/<output>-d is an output, named by the SHA-256 of its bytes. Programs of "go run" and
//     "go tool" are a directory <output>-d with one executable file in it.
//   - <xx>/<output>-d.<token>.partial is an output that is being put together, see [Partials], and
//     gocache-<token>.lock is locked as long as the process lives that does it.
//   - xx is the first byte of the ID, 00 to ff.
//   - README explains the directory to humans; trim.txt holds when the go command last trimmed it.
//   - fuzz/ holds the fuzzing corpus, which this package never removes.
//
// # Sharing
//
// The go command may run at the same time, as may other processes that use this package. As in
// cmd/go, there is no lock: an output counts only from the moment at which it has its full size,
// all writers of an output write the same bytes in the same order, and an action entry is written
// after its output. What is not written in order has another name until it is whole ([Partials]). A
// process killed at any instant therefore leaves only complete entries, files that every go command
// takes as a miss and overwrites, and files that no go command looks at.
//
// That holds for processes. Nothing is synced to the disk, as in cmd/go: when the machine itself
// crashes or loses power, a file system may keep the name and the size of an output and lose bytes
// that were written to it. The bytes of an output that was put together are written in any order,
// so there may be a hole anywhere in it. Hashing all outputs finds them.
//
// All methods are safe for concurrent use, unless they say otherwise.
package buildcache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
)

// Cache is a build cache in a local directory.
type Cache struct{ dir string }

// Open returns the cache in dir, which need not exist. It touches nothing.
func Open(dir string) *Cache { return &Cache{dir: dir} }

// Dir returns the directory of the cache.
func (c *Cache) Dir() string { return c.dir }

// ActionName and OutputName are where an entry and an output lie in a cache: relative to it, with
// slashes, as in Broken.Path.
func ActionName(id digest.ID) string { return nameOf(id, "-a") }
func OutputName(id digest.ID) string { return nameOf(id, "-d") }

func nameOf(id digest.ID, suffix string) string {
	name := id.String()
	return name[:2] + "/" + name + suffix
}

// actionFile and outputFile return the paths that cmd/go uses.
func (c *Cache) actionFile(id digest.ID) string { return c.file(id, "-a") }
func (c *Cache) outputFile(id digest.ID) string { return c.file(id, "-d") }

func (c *Cache) file(id digest.ID, suffix string) string {
	return c.dir + string(filepath.Separator) + filepath.FromSlash(nameOf(id, suffix))
}

// readme is the text that cmd/go writes (cmd/go/internal/cache/default.go).
const readme = `This directory holds cached build artifacts from the Go build system.
Run "go clean -cache" if the directory is getting too large.
Run "go clean -fuzzcache" to delete the fuzz cache.
See go.dev to learn more about Go.
`

// Prepare creates what an empty cache consists of: the directory, its 256 subdirectories, README,
// and trim.txt, which says that the cache was trimmed at now. What exists is kept. Because of
// trim.txt the go command does not walk a freshly restored cache to trim it, and still trims a
// cache that outlives a job. Prepare continues after an error, and returns the first.
func (c *Cache) Prepare(now time.Time) error {
	if err := os.MkdirAll(c.dir, 0o777); err != nil {
		return fmt.Errorf("preparing build cache: %w", err)
	}
	err := cmp.Or(makeShards(c.dir), writeMissing(filepath.Join(c.dir, "README"), readme))
	if trim := filepath.Join(c.dir, "trim.txt"); !isTrimTime(trim) {
		text := strconv.FormatInt(now.Unix(), 10) // without a newline, as cmd/go
		err = cmp.Or(err, os.WriteFile(trim, []byte(text), 0o666))
	}
	if err != nil {
		return fmt.Errorf("preparing build cache: %w", err)
	}
	return nil
}

// makeShards creates the missing subdirectories of dir. It continues after an error, and returns
// the first.
func makeShards(dir string) error {
	have := map[string]bool{}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, d := range list {
		have[d.Name()] = true
	}
	var failed error
	for i := range 256 {
		name := fmt.Sprintf("%02x", i)
		if have[name] {
			continue
		}
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			failed = cmp.Or(failed, err)
		}
	}
	return failed
}

// writeMissing writes a file unless it exists.
func writeMissing(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// isTrimTime reports whether file is a trim.txt that cmd/go can read.
func isTrimTime(file string) bool {
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	_, err = strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64)
	return err == nil
}

// Limits of AgedTime.
const (
	minAge = 2 * time.Hour
	maxAge = 4*24*time.Hour + 12*time.Hour
)

// AgedTime returns the modification time that a restored file gets: its last use, but at
// least 2 hours and at most 4.5 days before now, in whole seconds.
//
//   - The go command marks a use by setting the time to now, but only on files that are at least 1
//     hour old. Younger ones would hide what a job uses. The second hour covers clocks that are set
//     back a little.
//   - It trims what is older than 5 days and 1 hour. trim.txt (see Prepare) keeps it from trimming
//     for 24 hours. The margin of 13 hours protects entries if trim.txt was older than the restore.
//   - Every file system keeps whole seconds, so the test whether a file is newer than at the
//     restore is exact.
func AgedTime(lastUse, now time.Time) time.Time {
	t := lastUse
	if newest := now.Add(-minAge); t.After(newest) {
		t = newest
	}
	if oldest := now.Add(-maxAge); t.Before(oldest) {
		t = oldest.Add(time.Second - 1) // rounding down must not pass the limit
	}
	return t.Truncate(time.Second)
}

// Remove removes action entries, then outputs, so that a process killed in between leaves no entry
// without its output. Missing files are no error. Remove continues after an error, and returns all
// errors.
func (c *Cache) Remove(actions, outputs []digest.ID) error {
	var errs []error
	for _, id := range actions {
		if err := osfile.Remove(c.actionFile(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("removing action entry: %w", err))
		}
	}
	for _, id := range outputs {
		// RemoveAll, because programs are directories.
		if err := osfile.RemoveAll(c.outputFile(id)); err != nil {
			errs = append(errs, fmt.Errorf("removing output: %w", err))
		}
	}
	return errors.Join(errs...)
}
