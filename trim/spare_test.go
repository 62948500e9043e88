package trim

import (
	"crypto/sha256"
	"fmt"
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
	if len(res.Warnings) != 1 || !strings.Contains(res.Warnings[0], "2 modules and build entries stay that") || !strings.Contains(res.Warnings[0], "--force") {
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
		return tr.spares(&candidate{what: aModule, version: module.Version{Path: path, Version: "v0.0.1"}})
	}
	unknown := !modcache.Open(mod, modcache.Options{}).RecordsReads()
	if !spares(modcache.Toolchain, time.Hour) || spares(modcache.Toolchain, 10*day) != unknown || spares("example.com/m", time.Hour) {
		t.Error("a toolchain that ran an hour ago stays, what ran days ago and other modules do not")
	}
}

// TestSpareUnknown: where the file system does not record reads, all modules stay if there are go
// commands, or if there may be some that nobody sees.
func TestSpareUnknown(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		unseen   string
		running  []GoCommand
		noneRead bool
		known    bool
		stay     string // why
	}{
		{},
		{unseen: "this is a container", stay: "does not record what is read, and this is a container"},
		{running: []GoCommand{{Name: "process 1", Started: now}}, stay: "does not record what is read, and go commands are running, such as process 1"},
		{running: []GoCommand{{Name: "process 1", Tool: true}}, stay: "a program is running that reads modules, process 1"},
		{running: []GoCommand{{Name: "process 1", Tool: true}}, known: true},
		{running: []GoCommand{{Name: "process 1", Started: now}}, known: true},
		{running: []GoCommand{{Name: "process 1", Started: now}}, noneRead: true, stay: "no read is recorded yet, and go commands"},
		{running: []GoCommand{{Name: "process 1", Started: now}, {Name: "process 2", Started: now, HidesReads: true}}, known: true, stay: "is read by process 2, which"},
	} {
		o := Options{Spare: true, Unseen: tt.unseen, MaxSize: 1, Running: func() ([]GoCommand, error) { return tt.running, nil }}
		tr := &trimming{Options: o, watch: watchOver(o)}
		tr.res.UnknownUse, tr.res.NoneRead = !tt.known, tt.noneRead
		list := []candidate{{}, {broken: true}, {what: aClone}}
		tr.spareUnknown(list)
		stay, warnings := tt.stay != "", strings.Join(tr.res.Warnings, "\n")
		if list[0].Pinned != stay || list[1].Pinned || list[2].Pinned != stay || (warnings != "") != stay || !strings.Contains(warnings, tt.stay) || tr.res.AllModules != stay || tr.watch.unsafe != nil {
			t.Errorf("%+v: %+v, %q", tt, list, tr.res.Warnings)
		}
	}
}

// TestLongest: for how long a build may have been running, by the oldest go command.
func TestLongest(t *testing.T) {
	now := time.Now()
	for age, want := range map[time.Duration]time.Duration{0: 3 * time.Hour, time.Hour: 3 * time.Hour, 150 * time.Minute: 210 * time.Minute, 9 * time.Hour: 10 * time.Hour} {
		w := watch{oldest: GoCommand{Name: "process 1", Started: now.Add(-age)}}
		if got := w.longest(now); got != want {
			t.Errorf("after %v: %v, want %v", age, got, want)
		}
	}
}

// TestUnrecorded trims a module cache in which no read is recorded. While a go command runs, all
// modules stay; if one begins, the rest of them. Build entries have marks, and go.
func TestUnrecorded(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name  string
		begin int // at which look for go commands there is one; the first is before the scan
		stay  int
	}{{"from the begin", 1, 2}, {"after one version", 3, 1}, {"never", 100, 0}} {
		t.Run(tt.name, func(t *testing.T) {
			mod, build := t.TempDir(), t.TempDir()
			write := func(file, text string) {
				must(t, os.MkdirAll(filepath.Dir(file), 0o755))
				must(t, os.WriteFile(file, []byte(text), 0o644))
				must(t, os.Chtimes(file, now.Add(-20*day), now.Add(-20*day)))
			}
			for _, name := range []string{"a", "b"} {
				base := filepath.Join(mod, "cache/download/example.com", name, "@v/v1.0.0")
				write(base+".mod", "module example.com/"+name)
				write(base+".ziphash", "h1:"+strings.Repeat("A", 43)+"=")
				write(filepath.Join(mod, "example.com", name+"@v1.0.0", "m.go"), "package m")
			}
			action, output := strings.Repeat("1", 64), fmt.Sprintf("%x", sha256.Sum256([]byte("output")))
			entry := filepath.Join(build, action[:2], action+"-a")
			write(entry, fmt.Sprintf("v1 %s %s %20d %20d\n", action, output, len("output"), now.Add(-20*day).UnixNano()))
			write(filepath.Join(build, output[:2], output+"-d"), "output")
			looks := 0
			running := func() (list []GoCommand, err error) {
				if looks++; looks >= tt.begin {
					list = append(list, GoCommand{Name: "process 1", Started: now})
				}
				return list, nil
			}
			res, err := Run(t.Context(), Options{ModDir: mod, BuildDir: build, MaxSize: 1, Spare: true, Running: running})
			must(t, err)
			trees, _ := filepath.Glob(filepath.Join(mod, "example.com", "*@v1.0.0"))
			if _, err := os.Stat(entry); err == nil || len(trees) != tt.stay || res.Modules.Kept.Count+res.Modules.Skipped.Count != tt.stay {
				t.Errorf("entry: %v, modules: %v, %+v", err, trees, res)
			}
			if len(res.Warnings) > 1 || (len(res.Warnings) > 0) != (tt.stay > 0) {
				t.Errorf("warnings: %q", res.Warnings)
			}
		})
	}
}

// TestSpareClone: a repository stays in which a go command has just begun to work.
func TestSpareClone(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		read  time.Duration
		spare bool
		there bool
	}{{time.Hour, true, true}, {time.Hour, false, false}, {3 * day, true, false}} {
		mod := t.TempDir()
		root := filepath.Join(mod, "cache", "vcs", strings.Repeat("ab", 32))
		must(t, os.MkdirAll(root, 0o755))
		for file, read := range map[string]time.Duration{filepath.Join(root, "HEAD"): 5 * day, root + ".info": tt.read} {
			must(t, os.WriteFile(file, []byte("git3:https://example.com/x"), 0o644))
			must(t, os.Chtimes(file, now.Add(-read), now.Add(-20*day)))
		}
		must(t, os.Chtimes(root, now.Add(-20*day), now.Add(-20*day)))
		_, err := Run(t.Context(), Options{ModDir: mod, MaxAge: 10 * day, Spare: tt.spare})
		must(t, err)
		if _, err := os.Stat(root); (err == nil) != tt.there {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
