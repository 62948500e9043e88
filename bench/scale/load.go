package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/osfile"
)

// Jobs that work on one key of one server at once.
const (
	loadRestores = 64
	loadSaves    = 16
	loadEntries  = 1000 // in the snapshot that is restored
	loadNew      = 50   // added by each save
)

// load is the result.
type load struct {
	Restores  int            `json:"restores"`
	Saves     int            `json:"saves"`
	Entries   int            `json:"entries"` // in the snapshot before
	New       int            `json:"new"`     // of each save
	Found     int            `json:"found"`   // in the snapshot after
	Wall      float64        `json:"wall"`
	Restore   kit.Cost       `json:"restore"` // the largest of each figure
	Save      kit.Cost       `json:"save"`
	Requests  map[string]int `json:"requests"` // as the server counted them
	Conflicts int            `json:"conflicts"`
}

// measureLoad lets processes restore and save at once, each with its own caches. It fails on any
// error, loss or warning.
func (l *lab) measureLoad(ctx context.Context) (*load, error) {
	dir := l.Path("load")
	defer osfile.RemoveAll(dir)
	w := &load{Restores: loadRestores, Saves: loadSaves, Entries: loadEntries, New: loadNew}
	seed := job{lab: l, dir: filepath.Join(dir, "seed"), project: filepath.Join(dir, "project"), prefix: "load"}
	if err := l.seedLoad(ctx, seed); err != nil {
		return nil, err
	}
	if _, err := l.server.Requests(); err != nil { // discard the requests so far
		return nil, err
	}
	start := time.Now()
	if err := w.run(ctx, seed); err != nil {
		return nil, err
	}
	w.Wall = time.Since(start).Seconds()
	count, err := l.server.Requests()
	if err != nil {
		return nil, err
	}
	w.Requests, w.Conflicts = count.Kinds, count.Conflicts
	last := seed
	last.dir = filepath.Join(dir, "last")
	_, out, err := last.run(ctx, "restore")
	if err != nil {
		return nil, err
	}
	if w.Found = out.Build.Restored; w.Found != loadEntries+loadSaves*loadNew {
		return nil, fmt.Errorf("%d entries after it, want %d", w.Found, loadEntries+loadSaves*loadNew)
	}
	return w, checkCache(last.buildDir(), w.Found)
}

// seedLoad saves the snapshot that is restored, and makes the caches of the jobs that save.
func (l *lab) seedLoad(ctx context.Context, seed job) error {
	if err := os.MkdirAll(seed.project, 0o755); err != nil {
		return err
	}
	base := time.Now().Add(-20 * time.Minute)
	if err := makeEntries(ctx, seed.buildDir(), 0, loadEntries, base); err != nil {
		return err
	}
	if err := makeModules(ctx, seed.modDir(), seed.project, loadEntries/perModule); err != nil {
		return err
	}
	for i := range loadSaves {
		if err := makeEntries(ctx, saving(seed, i).buildDir(), loadEntries+i*loadNew, loadNew, base); err != nil {
			return err
		}
	}
	_, _, err := seed.run(ctx, "save")
	return err
}

func saving(seed job, i int) job {
	seed.dir = filepath.Join(filepath.Dir(seed.dir), fmt.Sprint("save", i))
	return seed
}

func (w *load) run(ctx context.Context, seed job) error {
	var mu sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	note := func(sum *kit.Cost, c kit.Cost) {
		mu.Lock()
		defer mu.Unlock()
		sum.Wall, sum.User, sum.System = max(sum.Wall, c.Wall), max(sum.User, c.User), max(sum.System, c.System)
		sum.MaxRSS = max(sum.MaxRSS, c.MaxRSS)
	}
	for i := range loadRestores {
		g.Go(func() error {
			j := seed
			j.dir = filepath.Join(filepath.Dir(seed.dir), fmt.Sprint("restore", i))
			c, out, err := j.run(ctx, "restore")
			if err == nil && out.Build.Restored < loadEntries { // more if it began late
				err = fmt.Errorf("restore %d: %d entries", i, out.Build.Restored)
			}
			note(&w.Restore, c)
			return err
		})
	}
	for i := range loadSaves {
		g.Go(func() error {
			c, out, err := saving(seed, i).run(ctx, "save")
			// an output can equal one of another job, and already be stored
			if err == nil && out.Build.Uploaded == 0 {
				err = fmt.Errorf("save %d uploaded nothing", i)
			}
			note(&w.Save, c)
			return err
		})
	}
	return g.Wait()
}
