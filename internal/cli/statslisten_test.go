package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/stats"
)

// TestStatsListen: the command goes on, shows the figures of real caches and a real store, and ends
// well when it is told to.
func TestStatsListen(t *testing.T) {
	j := newTestJob(t)
	j.compile()
	j.says("", "save", "--repo", "r", "--scope", "main")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out lockedBuffer
	ended := make(chan int, 1)
	go func() {
		ended <- execute(ctx, &console{stdout: &out, stderr: &out}, []string{"stats", "--dir", j.path("m"), "--listen", "127.0.0.1:0", "--quota", "1GB,store=2GB"}, j.lookup)
	}()
	url, page := "", ""
	for range 3000 {
		if m := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(out.String()); m != nil {
			url = "http://" + m[1] + "/metrics"
			_, page = fetchURL(t, url)
			if strings.Contains(page, "gocache_collect_duration_seconds") {
				break
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	for _, want := range []string{
		`gocache_cache_entries{cache="build",kind="`, `gocache_cache_bytes{cache="modules",kind="`, `gocache_store_objects{kind="`, `gocache_disk_free_bytes{dir="`,
		`gocache_quota_bytes{of="store"} 2e+09`, `gocache_cache_trimmable_bytes{cache="build"} 0`, "gocache_collect_failures_total 0", "process_start_time_seconds",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s\n%s", want, page, out.String())
		}
	}
	cancel()
	if code := <-ended; code != config.ExitOK {
		t.Errorf("exit code %d\n%s", code, out.String())
	}
	for _, args := range [][]string{{"--listen", "9400"}, {"--listen", "127.0.0.1:0", "--store", "https://127.0.0.1:9/x"}, {"--listen", "127.0.0.1:0", "--html", j.path("m")}} {
		if code, text := j.run(append([]string{"stats"}, args...)...); code != config.ExitUsage {
			t.Errorf("%q: %d\n%s", args, code, text)
		}
	}
}

// TestStatsEndedEarly: what was found before a timeout or a signal is kept, while the history and
// the page do not get half of the figures.
func TestStatsEndedEarly(t *testing.T) {
	dir, build := t.TempDir(), t.TempDir()
	// When the end comes, the caches should have been read, which nothing tells: if they have not,
	// it comes later the next time.
	for wait := 20 * time.Millisecond; ; wait *= 2 {
		rep, err := statsEndedAfter(t, wait, dir, build)
		if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
			t.Errorf("%v, %v", left, err)
		}
		if rep != nil && rep.Build == nil && wait < 20*time.Second {
			continue
		}
		if !errors.Is(err, context.Canceled) || rep == nil || rep.Build == nil || rep.Store != nil {
			t.Errorf("%+v, %v", rep, err)
		}
		return
	}
}

// statsEndedAfter collects figures of a build cache and a store, and ends that after a while,
// before the store answers. History and page are to lie in dir.
func statsEndedAfter(t *testing.T, wait time.Duration, dir, build string) (*stats.Report, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r := &run{cfg: config.New(config.Stats), out: &console{stdout: io.Discard, stderr: io.Discard, quiet: true}, env: func(string) string { return "" }, end: new(ending)}
	r.cfg.Stats.Record, r.cfg.Stats.History, r.cfg.Stats.HTML = true, filepath.Join(dir, "h.jsonl"), filepath.Join(dir, "page.html")
	plan := statsPlan{dirs: cacheDirs{build: build}, store: func(ctx context.Context, _ *report.Meter, _ time.Time) (*stats.Store, error) {
		time.Sleep(wait)
		cancel()
		return nil, ctx.Err()
	}}
	return doStats(ctx, r, plan, time.Now())
}
