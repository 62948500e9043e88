package cli

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/config"
)

// fileHas demands lines of a metrics file.
func fileHas(t *testing.T, file string, lines ...string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range lines {
		if !strings.Contains(string(data), want) {
			t.Errorf("no %q in\n%s", want, data)
		}
	}
}

// TestMetricsOfJobs: restore and save tell what they did, also what went wrong.
func TestMetricsOfJobs(t *testing.T) {
	j := newTestJob(t)
	file := j.path("gocache.prom")
	j.env["GOCACHE_ACTION_METRICS_FILE"] = file
	who := []string{"--repo", "r", "--scope", "main", "--store", j.path("store")}
	do := func(command string, more ...string) {
		t.Helper()
		j.says("", append(append([]string{command}, who...), more...)...)
	}
	action := j.compile()
	do("restore")
	do("save")
	j.fresh()
	do("restore", "--lookup-only") // which restores nothing
	do("restore")
	if !j.has(action) {
		t.Fatal("not restored")
	}
	do("save", "--read-only")
	do("save")
	fileHas(t, file,
		`gocache_runs_total{name="default",op="restore",repo="r",result="none"} 1`, `gocache_runs_total{name="default",op="restore",repo="r",result="exact"} 1`,
		`gocache_runs_total{name="default",op="save",repo="r",result="saved"} 1`, `gocache_runs_total{name="default",op="save",repo="r",result="unchanged"} 1`,
		`gocache_runs_total{name="default",op="save",repo="r",result="readonly"} 1`,
		`gocache_entries_total{kind="build",name="default",op="restore",repo="r",result="restored"} 1`, `gocache_entries_total{kind="build",name="default",op="save",repo="r",result="uploaded"} 1`,
		`gocache_transferred_bytes_total{kind="pack",name="default",op="restore",repo="r"} `, `gocache_transferred_bytes_total{kind="manifest",name="default",op="save",repo="r"} `,
		`gocache_phase_seconds_total{name="default",op="save",phase="upload",repo="r"} `, `gocache_health_score{name="default",repo="r"} 100`,
		`gocache_snapshot_entries{kind="build",name="default",repo="r"} 1`, `gocache_refused_bytes_total{name="default",repo="r"} 0`,
	)

	// what is damaged in the store is refused, and counted
	packs, err := filepath.Glob(j.path("store/v2/repos/r/main/packs/*"))
	if err != nil || len(packs) != 1 {
		t.Fatalf("%q, %v", packs, err)
	}
	data, err := os.ReadFile(packs[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/3] ^= 1
	if err := os.WriteFile(packs[0], data, 0o644); err != nil {
		t.Fatal(err)
	}
	j.fresh()
	do("restore")
	written, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(written), `gocache_losses_total{kind="refused",name="default",repo="r"} 1`) ||
		strings.Contains(string(written), `gocache_refused_bytes_total{name="default",repo="r"} 0`) {
		t.Errorf("%v\n%s", err, written)
	}
	do("save")
	if out := j.health(config.ExitOK, "--store", j.path("store")); out.Parts[len(out.Parts)-2].Check != "refusals" || out.Parts[len(out.Parts)-2].Score == 100 {
		t.Errorf("%+v", out.Parts)
	}

	// a store that fails
	j.write("nostore", "")
	if code, out := j.run("restore", "--repo", "r", "--scope", "main", "--store", j.path("nostore")); code != config.ExitOK {
		t.Errorf("%d\n%s", code, out)
	}
	fileHas(t, file, `gocache_runs_total{name="default",op="restore",repo="r",result="unavailable"} 1`)
}

// TestMetricsFail: what cannot be told is a warning, whatever --fail-on-error says, and shows no
// password.
func TestMetricsFail(t *testing.T) {
	j := newTestJob(t)
	j.write("script.sh", "rm -rf /\n")
	for _, command := range []string{"restore", "save"} {
		out := j.says("gocache: warning: metrics file: ", command, "--fail-on-error", "--metrics-file", j.path("script.sh"), "--push-gateway", "http://user:sesame-opens@127.0.0.1:1")
		if !strings.Contains(out, "gocache: warning: push gateway: ") || !strings.Contains(out, "hint: name another file in --metrics-file") || strings.Contains(out, "sesame") {
			t.Errorf("%s", out)
		}
	}
	if data, err := os.ReadFile(j.path("script.sh")); err != nil || string(data) != "rm -rf /\n" {
		t.Errorf("%v, %s", err, data)
	}
	if code, out := j.run("restore", "--push-gateway", "gateway:9091"); code != config.ExitUsage {
		t.Errorf("%d\n%s", code, out)
	}
}

// TestMetricsOfEarlyFailure: a job that fails before anything is found out is told under its own
// name; a gateway is left alone if that is not known.
func TestMetricsOfEarlyFailure(t *testing.T) {
	var pushed []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			pushed = append(pushed, r.URL.Path)
		}
	}))
	defer server.Close()
	j := newTestJob(t)
	t.Setenv("PATH", "") // no go command, and no git
	file := j.path("gocache.prom")
	fail := func(args ...string) {
		t.Helper()
		j.says("gocache: warning: ", append(args, "--store", j.path("store"), "--metrics-file", file, "--push-gateway", server.URL)...)
	}
	fail("restore", "--repo", "r", "--scope", "main")
	fileHas(t, file, `gocache_runs_total{name="default",op="restore",repo="r",result="unavailable"} 1`)
	if len(pushed) != 1 || !strings.HasPrefix(pushed[0], "/metrics/job/gocache/") || !strings.Contains(pushed[0], "/repo/r") {
		t.Errorf("%q", pushed)
	}
	if err := os.Remove(j.path("m/go.mod")); err != nil {
		t.Fatal(err)
	}
	fail("save", "--name", "n")
	if len(pushed) != 1 {
		t.Errorf("%q", pushed)
	}
}

// TestMetricsOfAction: the action has inputs for both, and post uses those of main.
func TestMetricsOfAction(t *testing.T) {
	pushed := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { pushed[r.Method] = true }))
	defer server.Close()
	r := newGHRunner(t)
	file := r.path("gocache.prom")
	r.env["INPUT_METRICS-FILE"], r.env["INPUT_PUSH-GATEWAY"] = file, server.URL
	set := r.phase("main", nil)
	delete(r.env, "INPUT_METRICS-FILE")
	r.build("Y")
	delete(set, "log")
	r.phase("post", set)
	fileHas(t, file,
		`gocache_runs_total{name="ci/test",op="restore",repo="github.com/octo/m",result="none"} 1`, `gocache_runs_total{name="ci/test",op="save",repo="github.com/octo/m",result="saved"} 1`)
	if !pushed["GET"] || !pushed["POST"] {
		t.Errorf("%v", pushed)
	}
}
