package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// BenchmarkCommands runs what the commands run, in one process and with a directory store, so that
// profiles show where time and memory go:
//
//	SCALE_ENTRIES=100000 go test ./bench/scale -run '^$' -bench Commands/first-save -benchtime 1x -cpuprofile cpu.out -memprofile mem.out
func BenchmarkCommands(b *testing.B) {
	n := 20_000
	if s := os.Getenv("SCALE_ENTRIES"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	w := newProfiled(b, n)
	b.Run("first-save", func(b *testing.B) {
		for i := range b.N {
			w.save(b, w.store(b, i))
		}
	})
	st := w.store(b, 0)
	w.save(b, st)
	b.Run("restore", func(b *testing.B) {
		for b.Loop() {
			to := b.TempDir()
			w.restore(b, st, filepath.Join(to, "mod"), filepath.Join(to, "build"))
		}
	})
	b.Run("restore-over", func(b *testing.B) {
		for b.Loop() {
			w.restore(b, st, w.mod, w.build)
		}
	})
	b.Run("unchanged-save", func(b *testing.B) {
		for b.Loop() {
			w.save(b, st)
		}
	})
}

// profiled is a machine with full caches.
type profiled struct {
	base, mod, build string
	plan             keys.Plan
}

func newProfiled(b *testing.B, n int) *profiled {
	b.Helper()
	base := b.TempDir()
	w := &profiled{base: base, mod: filepath.Join(base, "mod"), build: filepath.Join(base, "build")}
	project := filepath.Join(base, "project")
	if err := os.Mkdir(project, 0o755); err != nil {
		b.Fatal(err)
	}
	if err := makeEntries(b.Context(), w.build, 0, n, time.Now().Add(-20*time.Minute)); err != nil {
		b.Fatal(err)
	}
	if err := makeModules(b.Context(), w.mod, project, n/perModule); err != nil {
		b.Fatal(err)
	}
	in, err := keys.Collect(project, keys.Env{Name: "scale", OS: "linux", Arch: "amd64", GOVERSION: "go1.26.0", GOMOD: filepath.Join(project, "go.mod")})
	if err == nil {
		w.plan, err = keys.Derive(in)
	}
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// store opens the i-th directory store.
func (w *profiled) store(b *testing.B, i int) store.Store {
	st, err := dir.Open(filepath.Join(w.base, "store", strconv.Itoa(i)))
	if err != nil {
		b.Fatal(err)
	}
	return st
}

func (w *profiled) save(b *testing.B, st store.Store) {
	res, err := save.Run(context.Background(), save.Options{Store: st, Repo: "r", Scope: "main", Keys: w.plan, ModDir: w.mod, BuildDir: w.build})
	if err != nil || len(res.Warnings) > 0 {
		b.Fatal(err, res.Warnings)
	}
}

func (w *profiled) restore(b *testing.B, st store.Store, mod, build string) {
	res, err := restore.Run(context.Background(), restore.Options{
		Store: st, Repo: "r", Scope: "main", Keys: w.plan, ModDir: mod, BuildDir: build, ModWritable: true,
	})
	if err != nil || len(res.Losses) > 0 {
		b.Fatal(err, res.Losses)
	}
}
