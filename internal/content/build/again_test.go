package build

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/install/installtest"
	"github.com/org/gocache-action/internal/fetch"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// TestAllDamaged: with memory for a single frame, reads in which every frame is damaged wait
// neither for each other nor for frames that they have read ahead.
func TestAllDamaged(t *testing.T) {
	w := newShared(t)
	w.kind.PartSize = 1 << 20 // one read per pack
	for pack := range manyPacks {
		for frame := range manyFrames {
			w.damage(pack, frame)
		}
	}
	env := installtest.NewEnv(t, w.store, nil)
	env.Fetch.Frames, env.Fetch.Again = fetch.NewMemory(1), fetch.NewMemory(1)
	jobs, _ := w.begin(t, env)
	type result struct {
		out install.Outcome
		err error
	}
	ended := make(chan result)
	go func() {
		out, err := runAll(t.Context(), jobs, 1)
		ended <- result{out, err}
	}()
	select {
	case r := <-ended:
		want := install.Counts{Restored: 1, Refused: len(w.contents) - 1} // one is empty
		if r.err != nil || r.out.Counts != want || len(r.out.Damages) != manyPacks*manyFrames {
			t.Errorf("%+v, %v", r.out.Counts, r.err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the reads wait for each other")
	}
	env.End()
}

// TestGivenUpBefore: a build cache that was given up before its jobs begin gets nothing, and is not
// even made; what is wrong there goes.
func TestGivenUpBefore(t *testing.T) {
	w := newWorld(t)
	givenUp := w
	givenUp.kind.Place, givenUp.kind.Verify = install.NewPlace("build cache"), true
	givenUp.kind.Place.GiveUp(errors.New("too little room"))
	if out, err := givenUp.run(t); err != nil || out.Counts != (install.Counts{}) {
		t.Errorf("%+v, %v", out, err)
	}
	if _, err := os.Lstat(w.cache.Dir()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it was made: %v", err)
	}
	if _, err := w.run(t); err != nil {
		t.Fatal(err)
	}
	wrong := make([]byte, len(w.contents[1]))
	if err := errors.Join(os.WriteFile(w.file(1), wrong, 0o666), os.Remove(w.file(3))); err != nil {
		t.Fatal(err)
	}
	if _, err := givenUp.run(t); err != nil {
		t.Error(err)
	}
	for i, want := range []bool{true, false, true, false} {
		if _, err := os.Lstat(w.file(i)); (err == nil) != want {
			t.Errorf("output %d: %v", i, err)
		}
	}
}

// TestWrongInUse: a wrong output that was used after it was found is kept and reported, and gets no
// entries; one that has vanished is restored.
func TestWrongInUse(t *testing.T) {
	w := newWorld(t)
	if _, err := w.run(t); err != nil {
		t.Fatal(err)
	}
	w.kind.Verify = true
	for _, i := range []int{0, 3} {
		if err := os.WriteFile(w.file(i), make([]byte, len(w.contents[i])), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	here, err := w.kind.Compare(t.Context(), w.manifest)
	if err != nil || len(here.Wrong) != 2 {
		t.Fatalf("%+v, %v", here.Wrong, err)
	}
	used := time.Now().Add(time.Hour)
	if err := errors.Join(os.Chtimes(w.file(0), used, used), os.Remove(w.file(3))); err != nil {
		t.Fatal(err)
	}
	env := installtest.NewEnv(t, w.store, nil)
	jobs, begun := w.kind.Begin(t.Context(), env, w.kind.Plan(w.manifest, here))
	out, err := installtest.Run(t, jobs)
	env.End()
	if err != nil || out.Counts != (install.Counts{Restored: 1, Unwritten: 1}) || len(begun.Warnings) != 1 {
		t.Errorf("%+v, %v, %q", out.Counts, err, begun.Warnings)
	}
}

// TestReadyEnds: jobs that need nothing from the store also end when their context does.
func TestReadyEnds(t *testing.T) {
	w := newShared(t)
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(reason)
	env := installtest.NewEnv(t, w.store, nil)
	w.begin(t, env)
	in := &installer{env: env, cache: w.cache, place: w.kind.Place, manifest: w.manifest, assembly: newAssembly(w.cache, w.manifest)}
	for _, list := range [][2][]int32{{{0}, nil}, {nil, {0, 1}}} {
		if out, err := in.ready(ctx, list[0], list[1]); !errors.Is(err, reason) || out.Counts != (install.Counts{}) {
			t.Errorf("%+v, %v", out, err)
		}
	}
	env.End()
}

// TestGivenUp: on a full disk, the last job to run removes the partial outputs.
func TestGivenUp(t *testing.T) {
	w := newShared(t)
	env := installtest.NewEnv(t, w.store, nil)
	jobs, _ := w.begin(t, env)
	if _, err := installtest.Run(t, jobs[:4]); err != nil {
		t.Fatal(err)
	}
	if inv, err := w.cache.Scan(t.Context(), buildcache.ScanOptions{}); err != nil || len(inv.Partial) == 0 {
		t.Fatalf("%q, %v", inv.Partial, err)
	}
	w.kind.Place.GiveUp(osfiletest.FullDisk)
	if _, err := jobs[4].Run(t.Context(), func() {}); err != nil { // it was already running
		t.Fatal(err)
	}
	w.here(t) // fails if an output is partial
	env.End()
}
