package stdtest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

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
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("gocache-test-%d-command-%x", os.Getuid(), sha256.Sum256(root)))
	// one test runs the program as another user
	if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
		return "", err
	}
	lock := flock.New(dir + ".lock")
	if err := lock.Lock(); err != nil {
		return "", fmt.Errorf("lock: %w", err)
	}
	defer lock.Unlock()
	path := filepath.Join(dir, "gocache")
	build := exec.Command("go", "build", "-ldflags=-s -w", "-o", path, "./cmd/gocache")
	build.Dir = strings.TrimSpace(string(root))
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return path, os.Chmod(path, 0o755)
}
