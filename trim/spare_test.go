package trim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
)

// TestSpare: what was used lately stays although there is no room for it, and a warning says so;
// what was not goes.
func TestSpare(t *testing.T) {
	mod := t.TempDir()
	now := time.Now()
	write := func(name string, age time.Duration) {
		file := filepath.Join(mod, filepath.FromSlash(name))
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, []byte("module example.com/m\n"), 0o644))
		must(t, os.Chtimes(file, now.Add(-age), now.Add(-age)))
	}
	version := func(name string, arrived, loaded time.Duration) {
		base := "cache/download/example.com/" + name + "/@v/v1.0.0"
		write(base+".mod", arrived)
		write(base+".ziphash", arrived)
		must(t, os.WriteFile(filepath.Join(mod, filepath.FromSlash(base)+".ziphash"), []byte("h1:"+strings.Repeat("A", 43)+"="), 0o644))
		must(t, os.Chtimes(filepath.Join(mod, filepath.FromSlash(base)+".ziphash"), now, now.Add(-arrived)))
		write("example.com/"+name+"@v1.0.0/m.go", arrived)
		write("example.com/"+name+"@v1.0.0/go.mod", arrived)
		file := filepath.Join(mod, "example.com", name+"@v1.0.0", "go.mod")
		must(t, os.Chtimes(file, now.Add(-loaded), now.Add(-arrived)))
	}
	version("old", 20*day, 10*day)
	version("loaded", 20*day, 20*time.Hour) // by a go command that may still run
	version("arrived", 2*time.Hour, 3*time.Hour)
	must(t, os.Chtimes(filepath.Join(mod, "example.com", "loaded@v1.0.0", "m.go"), now.Add(-5*day), now.Add(-20*day)))
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(mod, "example.com", name+"@v1.0.0"))
		return err == nil
	}
	res, err := Run(t.Context(), Options{ModDir: mod, MaxSize: 1, Spare: true})
	must(t, err)
	if has("old") || !has("loaded") || !has("arrived") {
		t.Errorf("old %v, loaded %v, arrived %v", has("old"), has("loaded"), has("arrived"))
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "2 modules and build entries stay") || !strings.Contains(res.Warnings[0], "--force") {
		t.Errorf("warnings: %q", res.Warnings)
	}
	// no warning of what stays anyway
	if res, err = Run(t.Context(), Options{ModDir: mod, MaxSize: 1 << 20, MaxAge: 30 * day, Spare: true}); err != nil || len(res.Warnings) > 0 {
		t.Errorf("within the bounds: %v, warnings: %q", err, res.Warnings)
	}
	if res, err = Plan(t.Context(), Options{ModDir: mod, MaxAge: time.Hour, Spare: true, Unseen: "this is a container"}); err != nil ||
		!res.UnknownUse && (len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "container") || strings.Contains(res.Warnings[0], "--force")) {
		t.Errorf("by age: %v, warnings: %q", err, res.Warnings)
	}
	if _, err := Run(t.Context(), Options{ModDir: mod, MaxSize: 1}); err != nil || has("loaded") {
		t.Errorf("without care: %v, loaded %v", err, has("loaded"))
	}
}

// TestSpareToolchain: a toolchain is run, not loaded: what counts is a read of any of its files.
func TestSpareToolchain(t *testing.T) {
	mod := t.TempDir()
	now := time.Now()
	spares := func(path string, read time.Duration) bool {
		tree, base := filepath.Join(mod, path+"@v0.0.1"), filepath.Join(mod, "cache", "download", path, "@v", "v0.0.1")
		for _, file := range []string{filepath.Join(tree, "bin", "go"), base + ".ziphash"} {
			must(t, os.MkdirAll(filepath.Dir(file), 0o755))
			must(t, os.WriteFile(file, nil, 0o755))
			must(t, os.Chtimes(file, now.Add(-read), now.Add(-20*day)))
		}
		tr := &trimming{Options: Options{Spare: true}, now: now, mods: modcache.Open(mod, modcache.Options{})}
		return tr.sparesModule(module.Version{Path: path, Version: "v0.0.1"})
	}
	unknown := !modcache.Open(mod, modcache.Options{}).RecordsReads()
	if !spares(modcache.Toolchain, time.Hour) || spares(modcache.Toolchain, 10*day) != unknown || spares("example.com/m", time.Hour) {
		t.Error("a toolchain that ran an hour ago stays, what ran days ago and other modules do not")
	}
}

// TestSpareUnknown: where nobody sees go commands, and the file system does not record reads, all
// modules stay.
func TestSpareUnknown(t *testing.T) {
	for _, unseen := range []string{"", "this is a container"} {
		tr := &trimming{Options: Options{Spare: true, Unseen: unseen}}
		tr.res.UnknownUse = true
		list := []candidate{{}, {broken: true}}
		tr.spareUnknown(list)
		if list[0].Pinned != (unseen != "") || list[1].Pinned || (len(tr.res.Warnings) > 0) != (unseen != "") {
			t.Errorf("%q: %+v, %q", unseen, list, tr.res.Warnings)
		}
	}
}
