package modcache

import (
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// hostCache returns the module cache of the machine, or the one that MODCACHE names.
func hostCache(tb testing.TB) *Cache {
	dir := os.Getenv("MODCACHE")
	if dir == "" {
		out, err := exec.Command("go", "env", "GOMODCACHE").Output()
		if err != nil {
			tb.Fatal(err)
		}
		dir = strings.TrimSpace(string(out))
	}
	return Open(dir, Options{})
}

// loaded is a module version in memory.
type loaded struct {
	v     module.Version
	sum   string
	files []File
	data  [][]byte
	bytes int64
}

func load(tb testing.TB, c *Cache, v module.Version) loaded {
	tb.Helper()
	l := loaded{v: v, sum: c.Stat(v).Sum}
	var err error
	if l.files, err = c.Files(v); err != nil {
		tb.Fatal(err)
	}
	for _, f := range l.files {
		r, err := c.OpenFile(f.Name)
		if err != nil {
			tb.Fatal(err)
		}
		data, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			tb.Fatal(err)
		}
		l.data = append(l.data, data)
		l.bytes += int64(len(data))
	}
	return l
}

// stageAll writes all files of l, small ones at once and large ones in blocks.
func (l loaded) stageAll(i *Install) error {
	for k, f := range l.files {
		if err := i.WriteFile(f.Name, f.Mode, l.data[k]); err != nil {
			return err
		}
	}
	return nil
}

func (l loaded) install(s *Stage, o InstallOptions) error {
	i, err := s.Begin(l.v, o)
	if err != nil {
		return err
	}
	if err := l.stageAll(i); err != nil {
		i.Abort()
		return err
	}
	return i.Commit(l.sum, "")
}

// BenchmarkInstall installs all complete modules of the host's cache, one after another on one
// core:
//
//	TMPDIR=/fast/disk MODCACHE=/some/cache go test -run - -bench Install ./internal/modcache
func BenchmarkInstall(b *testing.B) {
	host := hostCache(b)
	mods, err := host.Scan(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	var all []loaded
	var files int
	var bytes int64
	for _, m := range mods {
		if m.State == Complete && m.Version.Path != Toolchain {
			l := load(b, host, m.Version)
			all = append(all, l)
			files += len(l.files)
			bytes += l.bytes
		}
	}
	for _, zip := range []bool{false, true} {
		name := map[bool]string{false: "tree", true: "tree+zip"}[zip]
		b.Run(name, func(b *testing.B) {
			b.SetBytes(bytes)
			for b.Loop() {
				benchInstall(b, all, InstallOptions{Zip: zip})
			}
			b.ReportMetric(float64(files*b.N)/b.Elapsed().Seconds(), "files/s")
		})
	}
}

func benchInstall(b *testing.B, all []loaded, o InstallOptions) {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(dir, Options{Writable: true}).NewStage()
	if err != nil {
		b.Fatal(err)
	}
	for _, l := range all {
		if err := l.install(s, o); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	os.RemoveAll(dir)
	b.StartTimer()
}
