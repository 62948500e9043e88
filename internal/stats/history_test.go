package stats

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

func record(at time.Time, build int64) Record {
	return Record{Time: at, ModDir: "/m", BuildDir: "/b", Build: build}
}

func mustAppend(t *testing.T, file string, r Record) {
	t.Helper()
	if err := AppendHistory(context.Background(), file, r); err != nil {
		t.Fatal(err)
	}
}

func mustRead2(t *testing.T, file string) (list []Record, bad int) {
	t.Helper()
	list, bad, err := ReadHistory(file)
	if err != nil {
		t.Fatal(err)
	}
	return list, bad
}

// TestHistory: recorders beside each other lose nothing, and what was cut off ends up on a line of
// its own.
func TestHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "h.jsonl")
	if list, bad := mustRead2(t, file); len(list)+bad > 0 {
		t.Error("a missing history has records")
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() { mustAppend(t, file, record(now.Add(time.Duration(i)*time.Minute), int64(i))) })
	}
	group.Wait()
	if list, bad := mustRead2(t, file); len(list) != 8 || bad != 0 {
		t.Errorf("%d records, %d bad", len(list), bad)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(f, `{"time":"2026-03-`)
	f.Close()
	mustAppend(t, file, record(now.Add(time.Hour), 9))
	if list, bad := mustRead2(t, file); len(list) != 9 || bad != 1 {
		t.Errorf("after a line that was cut off: %d records, %d bad", len(list), bad)
	}
}

// TestThin: after 90 days one record a day stays, and lines that nobody understands.
func TestThin(t *testing.T) {
	file := filepath.Join(t.TempDir(), "h.jsonl")
	for d := 100; d > 80; d -= 2 {
		for h := range 3 {
			mustAppend(t, file, record(now.Add(-time.Duration(d)*day+time.Duration(h)*time.Hour), int64(d*10+h)))
		}
	}
	if err := os.WriteFile(file, append([]byte("something of a later version\n"), must(os.ReadFile(file))...), 0o644); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, file, record(now, 1))
	for name, want := range map[string]fs.FileMode{file: 0o644, file + ".lock": 0o444} {
		if st, err := os.Stat(name); err != nil || st.Mode().Perm()&want != want && runtime.GOOS != "windows" {
			t.Errorf("%s: %v, %v; want %v", name, st.Mode(), err, want)
		}
	}
	list, bad := mustRead2(t, file)
	old, young := 0, 0
	for _, r := range list {
		if now.Sub(r.Time) > wholeFor {
			old++
			if r.Build%10 != 2 {
				t.Errorf("of a day stays %+v, not its last", r)
			}
		} else {
			young++
		}
	}
	if old != 5 || young != 5*3+1 || bad != 1 {
		t.Errorf("%d old records, %d young ones, %d bad", old, young, bad)
	}
	var many []line
	for i := range maxLines + 100 {
		many = append(many, line{Record: record(now.Add(time.Duration(i)*time.Minute), 0), ok: true})
	}
	if kept := thin(many, now); len(kept) != maxLines-1 || kept[0].Time != many[101].Time {
		t.Errorf("of %d lines %d stay, the first of %v", len(many), len(kept), kept[0].Time)
	}
}

func must(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

// TestNoHistory: a file that holds something else stays as it is.
func TestNoHistory(t *testing.T) {
	file := filepath.Join(t.TempDir(), "go.mod")
	if err := os.WriteFile(file, []byte("module example.com/m\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := AppendHistory(context.Background(), file, record(now, 1)); !errors.Is(err, ErrNoHistory) {
		t.Errorf("error %v", err)
	}
	if data := must(os.ReadFile(file)); string(data) != "module example.com/m\n" {
		t.Errorf("the file is now %q", data)
	}
	if _, _, err := ReadHistory(t.TempDir()); err == nil || !strings.Contains(err.Error(), "history") {
		t.Errorf("a directory: %v", err)
	}
}

// TestComparable: records of other caches and stores are no points of this machine's growth.
func TestComparable(t *testing.T) {
	last := Record{Time: now, ModDir: "/m", Modules: 5, BuildDir: "/b", Build: 7, Store: "s", Stored: 9}
	with := func(days int, change func(*Record)) Record {
		r := last
		r.Time = now.Add(-time.Duration(days) * day)
		change(&r)
		return r
	}
	list := Comparable([]Record{
		with(5, func(r *Record) { r.ModDir = "/other" }),                   // of which the store counts
		with(4, func(r *Record) { r.ModDir, r.Store = "/other", "other" }), // nothing counts
		with(3, func(r *Record) { r.Store, r.Stored = "", 0 }),
		with(-2, func(*Record) {}), // in the future
		with(1, func(*Record) {}),
	}, last)
	if len(list) != 4 || list[0].ModDir != "" || list[0].Stored != 9 || list[1].Build != 7 || list[3].Time != now {
		t.Errorf("%+v", list)
	}
	growth := Judge(list, Limits{}, nil, now)
	for _, g := range growth {
		if want := map[string]int{"both caches": 3, "store": 3, "modules": 3, "build cache": 3}[g.Of]; g.Points != want {
			t.Errorf("%s: %d points, want %d", g.Of, g.Points, want)
		}
	}
}
