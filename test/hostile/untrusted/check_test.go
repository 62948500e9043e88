package untrusted

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/restore"
)

// bytesAllocated returns how many bytes were allocated since the process began, garbage included.
func bytesAllocated() uint64 {
	s := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}

// bytesBounded runs f and fails the test if it takes too much memory or time.
func bytesBounded(t *testing.T, memory uint64, f func(ctx context.Context)) {
	t.Helper()
	runtime.GC()
	ctx, cancel := context.WithTimeout(t.Context(), bytesTime)
	defer cancel()
	before, start := bytesAllocated(), time.Now()
	f(ctx)
	used, took := bytesAllocated()-before, time.Since(start)
	if used > memory {
		t.Errorf("%d MiB were allocated, at most %d are allowed", used>>20, memory>>20)
	}
	if ctx.Err() != nil {
		t.Errorf("not done after %s", bytesTime)
	}
	t.Logf("%d KiB allocated, %s", used>>10, took.Round(time.Millisecond))
}

// restore runs a restore, and afterwards checks the machine for anything wrong. A hostile store
// must not make the restore return an error.
func (w bytesWorld) restore(t *testing.T, with ...func(*restore.Options)) *restore.Result {
	t.Helper()
	o := w.restoreOptions(t)
	for _, f := range with {
		f(&o)
	}
	outside := w.outside(t)
	var res *restore.Result
	bytesBounded(t, bytesMemory, func(ctx context.Context) {
		var err error
		if res, err = restore.Run(ctx, o); err != nil {
			t.Errorf("the restore ended with an error: %v", err)
		}
	})
	if after := w.outside(t); after != outside {
		t.Errorf("outside of the caches:\n%s\nbefore:\n%s", after, outside)
	}
	w.checkWhole(t)
	return res
}

// outside lists everything in the world outside the caches.
func (w bytesWorld) outside(t testing.TB) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(w.root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == w.mod() || path == w.build() || path == w.lint() {
			return filepath.SkipDir
		}
		info, err := d.Info()
		if err == nil && !d.IsDir() {
			fmt.Fprintf(&b, "%s %v %d\n", path, info.Mode(), info.Size())
		}
		return err
	})
	bytesMust(t, err)
	return b.String()
}

// checkWhole fails the test for anything that a go command must never see: partial files, files
// that are not regular, trees and outputs that do not match their names, and entries without an
// output.
func (w bytesWorld) checkWhole(t testing.TB) {
	t.Helper()
	for _, root := range []string{w.mod(), w.build(), w.lint()} {
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil
			}
			name := d.Name()
			if strings.Contains(name, "gocache-stage") || strings.HasPrefix(name, ".tmp-") || strings.HasPrefix(name, ".gocache-unfinished") {
				t.Errorf("left behind: %s", path)
			}
			if !d.IsDir() && !d.Type().IsRegular() {
				t.Errorf("%s is %v", path, d.Type())
			}
			return nil
		})
	}
	c := modcache.Open(w.mod(), modcache.Options{})
	found, err := c.Scan(context.Background())
	bytesMust(t, err)
	for _, m := range found {
		if m.State != modcache.Complete {
			continue
		}
		p, _ := module.EscapePath(m.Version.Path)
		got, err := dirhash.HashDir(filepath.Join(w.mod(), p+"@"+m.Version.Version), m.Version.String(), dirhash.Hash1)
		if err != nil || got != m.Sum {
			t.Errorf("tree of %s: %s, %v, want %s", m.Version, got, err, m.Sum)
		}
	}
	w.checkBuild(t)
}

func (w bytesWorld) checkBuild(t testing.TB) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(w.build(), "??", "*"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		bytesMust(t, err)
		id, isOutput := strings.CutSuffix(filepath.Base(f), "-d")
		if isOutput {
			if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != id {
				t.Errorf("output %s has other content", id)
			}
			continue
		}
		e, err := buildcache.ParseEntry(data)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		out := e.Output.String()
		if st, err := os.Stat(filepath.Join(w.build(), out[:2], out+"-d")); err != nil || st.Size() != e.Size {
			t.Errorf("entry %s has no output", e.Action)
		}
	}
}
