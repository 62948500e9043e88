package release

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"

	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// maxZip is what everybody downloads who installs the command from sources, at most.
const maxZip = 4 << 20

var released = module.Version{Path: "github.com/org/gocache-action", Version: "v1.2.3"}

// TestInstall installs the command as users do, from a module proxy that has the zip of the last
// commit and nothing else of this project.
func TestInstall(t *testing.T) {
	c := e2etest.NewClone(t, "../../..")
	root, proxy := c.Root, filepath.Join(c.Root, "proxy")
	size := publish(t, c.Dir, proxy)
	t.Logf("the zip of the module has %d bytes", size)
	if size > maxZip {
		t.Errorf("the zip of the module has %d bytes, more than %d", size, maxZip)
	}

	// Not in the caches of this machine, where this version must never be. What is compiled is
	// there: with -trimpath a directory does not count.
	modules := filepath.Join(root, "mod")
	t.Cleanup(func() { osfile.RemoveAll(modules) })
	env := strings.Split(output(t, "go", "env", "GOMODCACHE", "GOPROXY"), "\n")
	cmd := exec.Command("go", "install", "-ldflags=-s -w", released.Path+"/cmd/gocache@latest")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOBIN="+filepath.Join(root, "bin"), "GOMODCACHE="+modules, "GOFLAGS=-trimpath", "GOWORK=off", "CGO_ENABLED=0",
		"GONOSUMDB="+released.Path, "GOPROXY="+fileURL(proxy)+","+fileURL(filepath.Join(env[0], "cache", "download"))+","+env[1])
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go install: %v\n%s", err, out)
	}
	program := filepath.Join(root, "bin", "gocache")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out := output(t, program, "version"); !strings.HasPrefix(out, "gocache "+released.Version+"\n") {
		t.Errorf("it says %s", out)
	}
}

// publish makes the files of a module proxy for the last commit of a clone, and returns the size of
// the zip.
func publish(t *testing.T, project, dir string) int {
	t.Helper()
	var data bytes.Buffer
	e2etest.Must(t, modzip.CreateFromVCS(&data, released, project, "HEAD", ""))
	archive, err := zip.NewReader(bytes.NewReader(data.Bytes()), int64(data.Len()))
	e2etest.Must(t, err)
	for _, file := range archive.File {
		if name := strings.TrimPrefix(file.Name, released.String()+"/"); strings.HasPrefix(name, "examples/") && strings.HasSuffix(name, ".go") {
			t.Errorf("%s is no part of the module", name)
		}
	}
	mod, err := os.ReadFile(filepath.Join(project, "go.mod"))
	e2etest.Must(t, err)
	at := filepath.Join(dir, filepath.FromSlash(released.Path), "@v")
	e2etest.Must(t, os.MkdirAll(at, 0o755))
	for name, text := range map[string]string{
		"list": released.Version + "\n", released.Version + ".mod": string(mod), released.Version + ".zip": data.String(),
		released.Version + ".info": fmt.Sprintf(`{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, released.Version),
	} {
		e2etest.Must(t, os.WriteFile(filepath.Join(at, name), []byte(text), 0o644))
	}
	return data.Len()
}

// output runs a program that has to succeed.
func output(t *testing.T, program string, args ...string) string {
	t.Helper()
	return strings.TrimSpace(string(e2etest.MustRun(t, exec.Command(program, args...))))
}

// fileURL is the URL of a directory.
func fileURL(dir string) string {
	dir = filepath.ToSlash(dir)
	if !strings.HasPrefix(dir, "/") {
		dir = "/" + dir
	}
	return "file://" + dir
}
