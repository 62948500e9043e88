package stdtest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Command returns the path of gocache, in a directory of its own, built from the sources of this
// module. All test packages use one program, which is linked when the first of them asks, and again
// only after a change: the go command looks at the program that is there.
func Command() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/org/gocache-action").Output()
	if err != nil {
		return "", fmt.Errorf("go list: %w", err)
	}
	dir, err := ownDir(filepath.Join(os.TempDir(), fmt.Sprintf("%s%x", commandPrefix(), sha256.Sum256(root))))
	if err != nil {
		return "", err
	}
	lock := flock.New(dir + ".lock")
	if err := lock.Lock(); err != nil {
		return "", fmt.Errorf("lock: %w", err)
	}
	defer lock.Unlock()
	removeOld(dir)
	path := filepath.Join(dir, "gocache")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./cmd/gocache")
	build.Dir = strings.TrimSpace(string(root))
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, os.Chmod(path, 0o755)
}

func commandPrefix() string { return fmt.Sprintf("gocache-test-%d-command-", os.Getuid()) }

// ownDir makes a directory from which programs are run, unless it is there and belongs to nobody
// else: another user of the machine could put a program into one whose name is known.
func ownDir(dir string) (string, error) {
	err := os.Mkdir(dir, 0o700)
	if os.IsExist(err) {
		info, err := os.Lstat(dir)
		if err != nil {
			return "", err
		}
		if !info.IsDir() || !isOwn(info) {
			return os.MkdirTemp("", commandPrefix())
		}
	} else if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755) // one test runs the program as another user
}

// unused is after how long a program is removed. The go command marks one that is up to date.
const unused = 7 * 24 * time.Hour

// removeOld removes the programs of checkouts that are not there any more.
func removeOld(but string) {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), commandPrefix()+"*"))
	for _, dir := range dirs {
		programs, _ := filepath.Glob(filepath.Join(dir, "gocache*"))
		if dir == but || len(programs) == 0 {
			continue
		}
		if info, err := os.Stat(programs[0]); err == nil && time.Since(info.ModTime()) > unused {
			os.RemoveAll(dir)
			os.Remove(dir + ".lock")
		}
	}
}
