package trim

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
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
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(mod, "example.com", name+"@v1.0.0"))
		return err == nil
	}
	res, err := Run(t.Context(), Options{ModDir: mod, MaxSize: 1, Spare: true})
	must(t, err)
	if has("old") || !has("loaded") || !has("arrived") {
		t.Errorf("old %v, loaded %v, arrived %v", has("old"), has("loaded"), has("arrived"))
	}
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "is not kept") {
		t.Errorf("warnings: %q", res.Warnings)
	}
	if _, err := Run(t.Context(), Options{ModDir: mod, MaxSize: 1}); err != nil || has("loaded") {
		t.Errorf("without care: %v, loaded %v", err, has("loaded"))
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
