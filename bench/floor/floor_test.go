//go:build linux

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/test/e2e/e2etest"
)

var shared e2etest.World

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m, &shared)) }

// The measurement would mean nothing if floor wrote less than a restore does.
func TestCachesAreWhole(t *testing.T) {
	shared.Reset(t)
	want := contents(t)
	root := t.TempDir()
	shared.Save(t, e2etest.DirStore(t, root))
	shared.Wipe(t)
	e2etest.Must(t, os.Mkdir(filepath.Dir(shared.Mod), 0o755))
	w, err := plan(root, shared.Mod, shared.Build)
	e2etest.Must(t, err)
	e2etest.Must(t, w.do(t.Context()))
	if diff := cmp.Diff(want, contents(t)); diff != "" {
		t.Errorf("files (-saved +written):\n%s", diff)
	}
	shared.MustBuildOffline(t)
}

// contents returns the hashes of all files, by name.
func contents(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, dir := range []string{shared.Mod, shared.Build} {
		for name, file := range e2etest.Tree(t, dir) {
			if mode, sum, ok := strings.Cut(file, " "); ok && !strings.HasPrefix(mode, "d") {
				all[filepath.Base(dir)+"/"+name] = sum
			}
		}
	}
	return all
}

func TestNoManifest(t *testing.T) {
	if _, err := plan(t.TempDir(), "mod", "build"); err == nil || !strings.Contains(err.Error(), "no manifest") {
		t.Errorf("plan of an empty store: %v", err)
	}
}
