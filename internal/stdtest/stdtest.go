// Package stdtest has what tests of many packages need, made once for all of them: the standard
// library for those that start with an empty build cache, which would compile it for half a minute
// each, and gocache itself.
package stdtest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/org/gocache-action/internal/osfile"
)

// program uses what the projects of the tests use. The name of the module is in no other.
var program = map[string]string{
	"go.mod": "module stdtest.invalid/std\n\ngo 1.24\n",
	"std.go": `package std

import (
	_ "bufio"
	_ "encoding"
	_ "fmt"
	_ "io/fs"
	_ "math"
	_ "os"
	_ "path/filepath"
	_ "regexp"
	_ "sort"
	_ "time"
)
`,
	"std_test.go": "package std\n\nimport \"testing\"\n\nfunc TestNothing(t *testing.T) {}\n",
}

// Fill copies a build cache with the standard library into dir: built, vetted and linked with a
// test. What the copies are used for shows in their times as ever, as all of them are new. The
// cache lies in the temporary directory, for all test packages and later runs.
func Fill(dir string) error {
	version, err := exec.Command("go", "env", "GOVERSION").Output()
	if err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	warm := filepath.Join(os.TempDir(), fmt.Sprintf("gocache-test-%d-%s", os.Getuid(), strings.TrimSpace(string(version))))
	lock := flock.New(warm + ".lock")
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer lock.Unlock()
	if _, err := os.Stat(warm); err != nil {
		if err := build(warm); err != nil {
			return err
		}
	}
	return os.CopyFS(dir, os.DirFS(warm))
}

// FillFor is Fill for tests that copy the cache again and again: of the standard library it leaves
// only what run uses.
func FillFor(dir string, run func()) error {
	if err := Fill(dir); err != nil {
		return err
	}
	actions, err := filepath.Glob(filepath.Join(dir, "??", "*-a"))
	if err != nil {
		return err
	}
	then := time.Now().Add(-old)
	for _, action := range actions {
		if err := os.Chtimes(action, then, then); err != nil {
			return err
		}
	}
	run()
	return prune(dir)
}

// build makes the cache. It appears whole or not at all.
func build(dir string) error {
	base, err := os.MkdirTemp(filepath.Dir(dir), "gocache-test-")
	if err != nil {
		return err
	}
	defer osfile.RemoveAll(base)
	for name, text := range program {
		if err := os.WriteFile(filepath.Join(base, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	cache := filepath.Join(base, "cache")
	// What is lent can go at any moment, as with "go clean -cache"; then all of it is compiled.
	if err := errors.Join(seed(cache), compile(base, cache)); err != nil {
		if err := osfile.RemoveAll(cache); err != nil {
			return err
		}
		if err := compile(base, cache); err != nil {
			return err
		}
	}
	// an old one would let the go command trim
	if err := os.Remove(filepath.Join(cache, "trim.txt")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(cache, dir)
}

// compile puts what the program needs into a cache, and removes what it does not need.
func compile(base, cache string) error {
	for _, args := range [][]string{{"build", "./..."}, {"vet", "./..."}, {"test", "-run", "NONE", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = base
		cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOPROXY=off", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go %s: %w: %s", args[0], err, out)
		}
	}
	return prune(cache)
}
