package metrics

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"
)

var now = time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)

// Two runs of a job, with something in every field.
func restored() Run {
	return Run{
		Op: OpRestore, Repo: "github.com/org/repo", Name: "ci/test", Result: ResultExact, Ended: now, Seconds: 2.5,
		Phases: map[string]float64{"look up": 0.5, "restore": 2}, Transferred: map[string]int64{"pack": 100, "module": 50}, Disk: 400,
		Requests: map[string]int64{"GET": 7}, Entries: []Entries{{"build", "restored", 30}, {"modules", "refused", 1}},
		Losses: map[string]int{"refused": 1}, Refused: 10,
	}
}

func saved() Run {
	score := 83.0
	return Run{
		Op: OpSave, Repo: "github.com/org/repo", Name: "ci/test", Result: ResultSaved, Ended: now.Add(time.Minute), Seconds: 3, StoreError: StoreTimeout,
		Phases: map[string]float64{"scan": 1}, Transferred: map[string]int64{"pack": 20, "manifest": 2}, Requests: map[string]int64{"PUT": 3},
		Entries: []Entries{{"build", "uploaded", 5}}, Trimmed: map[string]int64{"age": 11, "size": 0}, Reused: 30, Made: 10,
		Snapshot: &Snapshot{Stored: 900, ModuleBytes: 1000, BuildBytes: 2000, Modules: 3, Build: 35}, Limit: 5000, Health: &score,
	}
}

// values returns the values of series by "name{label=value,...}" without the labels of jobs.
func values(families []*dto.MetricFamily) map[string]float64 {
	list := map[string]float64{}
	for _, f := range families {
		for _, m := range f.Metric {
			var labels []string
			for _, l := range m.Label {
				if l.GetName() != "repo" && l.GetName() != "name" {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
			}
			list[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return list
}

func gathered(t *testing.T, runs ...Run) (list []*dto.MetricFamily) {
	t.Helper()
	for _, r := range runs {
		families, err := gather(r.Samples())
		if err != nil {
			t.Fatal(err)
		}
		list = merge(list, families, r.Ended)
	}
	return list
}

// has checks some of the values.
func has(t *testing.T, got map[string]float64, want map[string]float64) {
	t.Helper()
	for name, v := range want {
		if g, ok := got[name]; !ok || g != v {
			t.Errorf("%s is %g (there: %t), want %g", name, g, ok, v)
		}
	}
}

// TestJob: counters of a job add up over its runs, gauges are those of the last, and the restore
// says nothing against the save.
func TestJob(t *testing.T) {
	again := saved()
	again.Reused, again.Made, again.Result, again.Ended, again.Snapshot.Stored = 0, 0, ResultFailed, now.Add(time.Hour), 901
	has(t, values(gathered(t, restored(), saved(), restored(), again)), map[string]float64{
		"gocache_runs_total{op=restore,result=exact}": 2, "gocache_runs_total{op=restore,result=none}": 0,
		"gocache_runs_total{op=save,result=saved}": 1, "gocache_runs_total{op=save,result=failed}": 1,
		"gocache_transferred_bytes_total{kind=pack,op=restore}": 200, "gocache_transferred_bytes_total{kind=pack,op=save}": 40,
		"gocache_phase_seconds_total{op=restore,phase=look_up}": 1, "gocache_disk_bytes_total{op=restore}": 800,
		"gocache_store_requests_total{kind=get,op=restore}": 14, "gocache_store_errors_total{kind=timeout,op=save}": 2, "gocache_store_errors_total{kind=denied,op=save}": 0,
		"gocache_entries_total{kind=build,op=restore,result=restored}": 60, "gocache_losses_total{kind=refused}": 2, "gocache_losses_total{kind=disk}": 0,
		"gocache_refused_bytes_total{}": 20, "gocache_trimmed_bytes_total{kind=age}": 22, "gocache_used_entries_total{result=reused}": 30,
		"gocache_hit_ratio{}": 0.75, "gocache_last_run_duration_seconds{op=save}": 3, "gocache_snapshot_bytes{kind=stored}": 901,
		"gocache_last_save_timestamp_seconds{}": float64(now.Add(time.Minute).Unix()), "gocache_last_run_timestamp_seconds{op=save}": float64(now.Add(time.Hour).Unix()),
		"gocache_last_restore_timestamp_seconds{}": float64(now.Unix()), "gocache_snapshot_limit_bytes{}": 5000, "gocache_snapshot_entries{kind=build}": 35, "gocache_health_score{}": 83,
	})
}

// TestNothing: a restore that could not begin tells that, and nothing of a snapshot.
func TestNothing(t *testing.T) {
	got := values(gathered(t, Run{Op: OpRestore, Result: ResultUnavailable, StoreError: StoreDenied, Ended: now}))
	has(t, got, map[string]float64{"gocache_runs_total{op=restore,result=unavailable}": 1, "gocache_store_errors_total{kind=denied,op=restore}": 1})
	for name := range got {
		if strings.HasPrefix(name, "gocache_last_restore") || strings.HasPrefix(name, "gocache_snapshot") {
			t.Errorf("%s", name)
		}
	}
}

// TestForget: a job that runs no more is forgotten, others stay.
func TestForget(t *testing.T) {
	old, other, late := restored(), restored(), restored()
	old.Name, other.Repo, late.Ended = "old", "other", now.Add(forgetAfter+time.Hour)
	other.Ended = now.Add(2 * time.Hour)
	names := map[string]bool{}
	for _, f := range gathered(t, old, other, late) {
		for _, m := range f.Metric {
			names[strings.ReplaceAll(jobOf(m), "\x00", " ")] = true
		}
	}
	if len(names) != 2 || !names["other ci/test"] || !names["github.com/org/repo ci/test"] {
		t.Errorf("%v", names)
	}
}

// TestTypes: a metric that another version has with another type is replaced, and what is of
// somebody else left out.
func TestTypes(t *testing.T) {
	before, err := parse(strings.NewReader("# TYPE gocache_runs_total gauge\ngocache_runs_total{op=\"restore\"} 7\nup 1\n# TYPE gocache_hit_ratio gauge\ngocache_hit_ratio 0.5 1700000000000\n"), maxFile)
	if err != nil {
		t.Fatal(err)
	}
	run, err := gather(saved().Samples())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range merge(before, run, now) {
		if f.GetName() == "up" || f.GetName() == "gocache_runs_total" && (f.GetType() != dto.MetricType_COUNTER || len(f.Metric) != 4) {
			t.Errorf("%v", f)
		}
		for _, m := range f.Metric {
			if m.TimestampMs != nil {
				t.Errorf("%s has a timestamp", f.GetName())
			}
		}
	}
}

// TestLint: names and help are as the tools of Prometheus want them, and every metric that is
// defined can be told.
func TestLint(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	list := append(restored().Samples(), saved().Samples()...)
	told := map[string]bool{}
	first := Samples{}
	for _, s := range list {
		if !told[s.Metric.Name] {
			first = append(first, s)
		}
		told[s.Metric.Name] = true
	}
	reg.MustRegister(first)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, m := range Jobs.Metrics {
		if !told[m.Name] {
			t.Errorf("%s is defined and never told", m.Name)
		}
	}
}

// TestFile: jobs of a machine share a file, at the same moment as well; everybody can read it, and
// nothing else is left behind.
func TestFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sub")
	file := filepath.Join(dir, "gocache.prom")
	if err := WriteFile(t.Context(), file, restored()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil { // as the collector reads it
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := WriteFile(t.Context(), file, restored()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	families, err := readFile(file)
	if err != nil {
		t.Fatal(err)
	}
	has(t, values(families), map[string]float64{"gocache_runs_total{op=restore,result=exact}": 8})
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm()&0o444 != 0o444 {
		t.Errorf("%v, %v", info, err)
	}
	names, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(names) != 2 || names[1].Name() != "gocache.prom.lock" {
		t.Errorf("%v, %v", names, err)
	}
	data, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(data), "gocache_last_restore_timestamp_seconds{name=\"ci/test\",repo=\"github.com/org/repo\"} 1.777863721e+09\n") {
		t.Errorf("%v\n%s", err, data)
	}
}

// TestForeignFile: a file of something else stays as it is.
func TestForeignFile(t *testing.T) {
	for name, text := range map[string]string{"no metrics": "PATH=/bin\nset -e\n", "others": "node_load1 2\n", "cut off": "gocache_runs_total{op=\"sav"} {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		err := WriteFile(t.Context(), file, restored())
		if data, _ := os.ReadFile(file); !errors.Is(err, ErrForeign) || string(data) != text {
			t.Errorf("%s: %v, now %q", name, err, data)
		}
	}
}

// TestLockedFile: who waits for the lock of another job does not wait for ever.
func TestLockedFile(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := WriteFile(ctx, filepath.Join(t.TempDir(), "f.prom"), restored()); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
