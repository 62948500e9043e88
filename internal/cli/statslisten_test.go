package cli

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/config"
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
	for range 500 {
		if m := regexp.MustCompile(`address=(\S+)`).FindStringSubmatch(out.String()); m != nil {
			url = "http://" + m[1] + "/metrics"
			_, page = fetchURL(t, url)
			if strings.Contains(page, "gocache_collect_timestamp_seconds") {
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
	if code, text := j.run("stats", "--listen", "9400"); code != config.ExitUsage {
		t.Errorf("%d\n%s", code, text)
	}
}
