package main

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
)

// TestCaches: the go command and this project accept the synthetic caches as whole, and their
// project builds.
func TestCaches(t *testing.T) {
	dir := t.TempDir()
	const entries, modules = 2000, 5
	build, mod := filepath.Join(dir, "build"), filepath.Join(dir, "mod")
	t.Cleanup(func() { osfile.RemoveAll(mod) })
	if err := makeEntries(t.Context(), build, 0, entries, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := makeModules(t.Context(), mod, dir, modules); err != nil {
		t.Fatal(err)
	}
	inv, err := buildcache.Open(build).Scan(t.Context(), buildcache.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var bytes int64
	for _, o := range inv.Outputs {
		bytes += o.Size
	}
	if len(inv.Entries) != entries || len(inv.Broken) > 0 || len(inv.Outputs) > entries*(sharing-1)/sharing {
		t.Errorf("%d entries, %d outputs, broken: %v", len(inv.Entries), len(inv.Outputs), inv.Broken)
	}
	if mean := bytes / int64(len(inv.Outputs)); mean < 300 || mean > 500 {
		t.Errorf("outputs of %d bytes", mean)
	}
	if err := checkCache(build, entries); err != nil {
		t.Error(err)
	}
	if err := checkCache(build, entries+1); err == nil {
		t.Error("a missing entry is not noticed")
	}
	found, err := modcache.Open(mod, modcache.Options{}).Scan(context.Background())
	if err != nil || len(found) != 3*modules {
		t.Fatalf("%d versions, %v", len(found), err)
	}
	for _, args := range [][]string{{"mod", "verify"}, {"list", "-deps", "-test", "./..."}} {
		cmd := exec.Command("go", args...)
		cmd.Dir = dir
		cmd.Env = append(cmd.Environ(), "GOMODCACHE="+mod, "GOPROXY=off", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local", "GOSUMDB=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestReport: a scenario whose cost per entry doubles from size to size misses its target, and a
// linear one meets it.
func TestReport(t *testing.T) {
	r := &results{Load: &load{Requests: map[string]int{"GetObject": 3}}}
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		x := float64(n)
		r.Sizes = append(r.Sizes, size{Entries: n, Modules: n / perModule, Manifest: int64(80 * n), Steps: []measured{
			{Name: firstSave, Cost: kit.Cost{User: 1 + x*1e-5}},
			{Name: restoreEmpty, Cost: kit.Cost{User: 1 + x*x*1e-10}},
		}})
	}
	missed := strings.Join(r.missed(), "\n")
	if strings.Contains(missed, firstSave) || !strings.Contains(missed, restoreEmpty) {
		t.Errorf("missed: %s", missed)
	}
	text, err := render(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"| first save | 10.0 | 0.0 |", "| restore into empty directories |", "3 GetObject", "**missed**", "| 1 M | 5000 | 80000000 | 80.0 |"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}
