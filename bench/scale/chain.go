package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
)

// The scenarios, in the order in which they are run.
const (
	planSave     = "plan save"
	firstSave    = "first save"
	planRestore  = "plan restore"
	restoreEmpty = "restore into empty directories"
	restoreOver  = "restore over existing caches"
	saveSame     = "save, nothing changed"
	saveMore     = "save, 1 % new entries"
	collect      = "gc --dry-run"
)

// measureSize runs the scenarios on caches of n build entries: one machine makes and saves them,
// and another one restores them and continues.
func (l *lab) measureSize(ctx context.Context, n int) (s size, err error) {
	dir := l.Path(fmt.Sprint(n))
	defer func() {
		if l.image == nil { // an image is removed as a whole
			err = errors.Join(err, osfile.RemoveAll(dir))
		}
	}()
	s = size{Entries: n, Modules: n / perModule}
	a := job{lab: l, dir: filepath.Join(dir, "a"), project: filepath.Join(dir, "project"), prefix: fmt.Sprint(n)}
	b := a
	b.dir = filepath.Join(dir, "b")
	if err := os.MkdirAll(a.project, 0o755); err != nil {
		return s, err
	}
	if err := a.makeCaches(ctx, s); err != nil {
		return s, err
	}
	for _, step := range chain(ctx, a, b, n) {
		cost, out, err := step.run(ctx)
		if err != nil {
			return s, err
		}
		logf("%d: %s: %.1f s, CPU %.1f s, %d MB", n, step.name, cost.Wall, cost.CPU(), cost.MaxRSS/1e6)
		s.Steps = append(s.Steps, measured{step.name, cost, out.Requests, out.BytesUploaded, out.BytesFetched})
		if step.name == firstSave {
			objects, err := l.server.Objects(bucket, a.prefix)
			if err != nil {
				return s, err
			}
			s.count(objects)
		}
	}
	return s, nil
}

// makeCaches makes the caches of a size.
func (j job) makeCaches(ctx context.Context, s size) error {
	start := time.Now()
	if err := makeEntries(ctx, j.buildDir(), 0, s.Entries, start.Add(-20*time.Minute)); err != nil {
		return err
	}
	if err := makeModules(ctx, j.modDir(), j.project, s.Modules); err != nil {
		return err
	}
	logf("%d entries and %d modules made in %.0f s", s.Entries, s.Modules, time.Since(start).Seconds())
	return nil
}

// A scenario is one command, and what it must report.
type scenario struct {
	name    string
	job     job
	verb    []string
	before  func() error
	entries func(output) int // the number that the command must report
	want    int
}

// chain lists what the two machines do, of which a has n build entries.
func chain(ctx context.Context, a, b job, n int) []scenario {
	more := max(1, n/100)
	addMore := func() error {
		return makeEntries(ctx, b.buildDir(), n, more, time.Now().Add(-time.Duration(n)*time.Millisecond))
	}
	return []scenario{
		{planSave, a, []string{"plan", "save"}, nil, func(o output) int { return o.Save.Build.Upload }, n},
		{firstSave, a, []string{"save"}, nil, func(o output) int { return o.Build.Uploaded }, n},
		{planRestore, b, []string{"plan", "restore"}, nil, func(o output) int { return o.Restore.Build.Fetch }, n},
		{restoreEmpty, b, []string{"restore"}, nil, func(o output) int { return o.Build.Restored }, n},
		{restoreOver, b, []string{"restore"}, func() error { return checkCache(b.buildDir(), n) }, func(o output) int { return o.Build.Present }, n},
		{saveSame, b, []string{"save"}, nil, func(o output) int { return o.Build.Stored }, n},
		{saveMore, b, []string{"save"}, addMore, func(o output) int { return o.Build.Uploaded + o.Build.Stored }, n + more},
		{collect, b, []string{"gc", "--dry-run"}, nil, func(output) int { return 0 }, 0},
	}
}

// run runs the command, and checks what it reports.
func (sc scenario) run(ctx context.Context) (cost kit.Cost, out output, err error) {
	if sc.before != nil {
		if err := sc.before(); err != nil {
			return cost, out, fmt.Errorf("before %s: %w", sc.name, err)
		}
	}
	cost, out, err = sc.job.run(ctx, sc.verb...)
	if err == nil && sc.entries(out) != sc.want {
		err = fmt.Errorf("%d entries instead of %d: %+v", sc.entries(out), sc.want, out)
	}
	if err == nil && sc.name == saveSame && out.Written {
		err = errors.New("it has written something")
	}
	if err != nil {
		return cost, out, fmt.Errorf("%s: %w", sc.name, err)
	}
	return cost, out, nil
}

// count records the number of objects in the store, and the size of the largest manifest.
func (s *size) count(objects map[string]kit.Object) {
	for name, o := range objects {
		s.Objects++
		s.Stored += o.Size
		if strings.Contains(name, "/snapshots/") {
			s.Manifest = max(s.Manifest, o.Size)
		}
	}
}

// checkCache counts the entries of a build cache without using the package that put them there, and
// compares every hundredth output with its name.
func checkCache(dir string, want int) error {
	actions, outputs := 0, 0
	for i := range 256 {
		shard := filepath.Join(dir, fmt.Sprintf("%02x", i))
		list, err := os.ReadDir(shard)
		if err != nil {
			return err
		}
		for _, d := range list {
			id, isOutput := strings.CutSuffix(d.Name(), "-d")
			if !isOutput {
				actions++
				continue
			}
			if outputs++; outputs%100 == 0 {
				if err := checkOutput(filepath.Join(shard, d.Name()), id); err != nil {
					return err
				}
			}
		}
	}
	if actions != want || outputs < want/2 {
		return fmt.Errorf("%d action entries and %d outputs, want %d", actions, outputs, want)
	}
	return nil
}

func checkOutput(file, id string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := digest.ID(h.Sum(nil)); got.String() != id {
		return fmt.Errorf("%s has the hash %s", file, got)
	}
	return nil
}
