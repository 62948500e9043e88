package metrics

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func scrape(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v\n%s", resp.Status, err, data)
	}
	return string(data)
}

// TestServe: a scrape never waits for a collection, one is running at a time, and a new one begins
// only when the last is old enough; after a failure the figures before it stay.
func TestServe(t *testing.T) {
	begun, results := make(chan bool, 10), make(chan error)
	var failures []error
	p := &Live{
		Every: 50 * time.Millisecond,
		Collect: func(context.Context) (Samples, error) {
			begun <- true
			if err := <-results; err != nil {
				return nil, err
			}
			return Machine{
				Caches: []Size{{"modules", "trees", 7, 2}}, Store: []Size{{"", "pack", 30, 3}}, Trimmable: map[string]int64{"build": 5},
				Disks: []Disk{{"/", 100, 60}, {"/caf\xe9", 50, 6}, {"/caf\xe8", 50, 7}}, Quotas: map[string]int64{"store": 1000},
			}.Samples(), nil
		},
		Failed: func(err error) { failures = append(failures, err) },
	}
	server := httptest.NewServer(p.Handler(t.Context()))
	defer server.Close()
	<-begun
	for range 3 { // while the first goes on
		if page := scrape(t, server.URL); strings.Contains(page, "gocache_cache_bytes") || !strings.Contains(page, "go_goroutines") || !strings.Contains(page, "gocache_collect_timestamp_seconds 0\n") {
			t.Errorf("before the first collection:\n%s", page)
		}
	}
	results <- nil
	p.Wait()
	p.Every = time.Hour
	page := scrape(t, server.URL)
	for _, want := range []string{
		`gocache_cache_bytes{cache="modules",kind="trees"} 7`, `gocache_cache_entries{cache="modules",kind="trees"} 2`, `gocache_store_bytes{kind="pack"} 30`,
		`gocache_cache_trimmable_bytes{cache="build"} 5`, `gocache_disk_free_bytes{dir="/"} 60`, `gocache_disk_free_bytes{dir="/caf\\xe9"} 6`, `gocache_quota_bytes{of="store"} 1000`,
		"gocache_collect_failures_total 0", "gocache_collect_timestamp_seconds 1",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if len(begun) != 0 {
		t.Error("a second collection, though the first is new")
	}
	p.Every = 0
	scrape(t, server.URL)
	<-begun
	scrape(t, server.URL)
	results <- errors.New("disk gone")
	p.Wait()
	p.Every = time.Hour
	page = scrape(t, server.URL)
	if len(begun) != 0 || len(failures) != 1 || !strings.Contains(page, "gocache_collect_failures_total 1") || !strings.Contains(page, `gocache_store_objects{kind="pack"} 3`) {
		t.Errorf("after a failure %v: %d more\n%s", failures, len(begun), page)
	}
}
