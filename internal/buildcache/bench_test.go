package buildcache

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/digest"
)

// hostCache returns the build cache of the machine, or the one that BUILDCACHE names.
func hostCache(tb testing.TB) *Cache {
	dir := os.Getenv("BUILDCACHE")
	if dir == "" {
		out, err := exec.Command("go", "env", "GOCACHE").Output()
		if err != nil {
			tb.Fatal(err)
		}
		dir = strings.TrimSpace(string(out))
	}
	return Open(dir)
}

func BenchmarkScan(b *testing.B) {
	c := hostCache(b)
	entries := 0
	for b.Loop() {
		inv, err := c.Scan(context.Background(), ScanOptions{Fuzz: true})
		if err != nil {
			b.Fatal(err)
		}
		entries = len(inv.Entries)
	}
	b.ReportMetric(float64(entries*b.N)/b.Elapsed().Seconds(), "entries/s")
}

// BenchmarkInstall installs a whole cache from memory, on one core:
//
//	TMPDIR=/fast/disk BUILDCACHE=/some/cache go test -run - -bench Install ./internal/buildcache
func BenchmarkInstall(b *testing.B) {
	host := hostCache(b)
	inv, err := host.Scan(context.Background(), ScanOptions{Fuzz: true})
	if err != nil {
		b.Fatal(err)
	}
	data := map[digest.ID][]byte{}
	var size int64
	for _, o := range inv.Outputs {
		f, err := host.OpenOutput(o)
		if err != nil {
			b.Fatal(err)
		}
		data[o.ID], err = io.ReadAll(f)
		f.Close()
		if err != nil {
			b.Fatal(err)
		}
		size += o.Size
	}
	b.SetBytes(size)
	for b.Loop() {
		dir, err := os.MkdirTemp("", "")
		if err != nil {
			b.Fatal(err)
		}
		if err := installAll(Open(dir), inv, data); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		os.RemoveAll(dir)
		b.StartTimer()
	}
	b.ReportMetric(float64((len(inv.Outputs)+len(inv.Entries))*b.N)/b.Elapsed().Seconds(), "files/s")
}

func installAll(c *Cache, inv *Inventory, data map[digest.ID][]byte) error {
	now := time.Now()
	if err := c.Prepare(now); err != nil {
		return err
	}
	for _, o := range inv.Outputs {
		w, err := c.CreateOutput(o, AgedTime(now, now))
		if err != nil {
			return err
		}
		if _, err := io.Copy(w, bytes.NewReader(data[o.ID])); err != nil {
			return err
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	for _, e := range inv.Entries {
		if err := c.PutAction(e.Entry, AgedTime(now, now)); err != nil {
			return err
		}
	}
	return nil
}

// TestMemory merges a million entries with an output each.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("needs half a gigabyte")
	}
	const n = 1_000_000
	var shards [256]shard
	for k := range n {
		a, o := sha256.Sum256(binary.AppendUvarint(nil, uint64(k))), sha256.Sum256(binary.AppendUvarint([]byte{0}, uint64(k)))
		shards[a[0]].entries = append(shards[a[0]].entries, Local{Entry: Entry{Action: a, Output: o}})
		shards[o[0]].outputs = append(shards[o[0]].outputs, Output{ID: o})
	}
	var before, after runtime.MemStats
	inv := merge(shards[:], nil)
	runtime.GC()
	runtime.ReadMemStats(&after)
	if len(inv.Entries) != n || len(inv.Outputs) != n {
		t.Fatalf("%d entries, %d outputs", len(inv.Entries), len(inv.Outputs))
	}
	runtime.KeepAlive(inv)
	inv = nil
	runtime.GC()
	runtime.ReadMemStats(&before)
	perEntry := (after.HeapAlloc - before.HeapAlloc) / n
	t.Logf("%d bytes per entry, at most %d MiB from the system", perEntry, after.HeapSys>>20)
	if perEntry > 200 {
		t.Errorf("%d bytes per entry", perEntry)
	}
}
