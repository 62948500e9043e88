package proxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/goproxy"
	"github.com/org/gocache-action/internal/proxy/checksums"
	"github.com/org/gocache-action/internal/proxy/memo"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/proxy/zipcache"
	"github.com/org/gocache-action/internal/store/dir"
)

// The scripts by which the go command itself is tested run with a module proxy in the test binary.
// Here they run with this proxy, and that one is its upstream.

// ownScripts run by default. GOCACHE_TEST_SCRIPTS is a regular expression for others, such as
// mod_.* for all that are about modules.
const ownScripts = "mod_(case|download|download_partial|get_incompatible|get_latest_pseudo|list_sums|list_upgrade|" +
	"missingpkg_prerelease|proxy_errors|proxy_invalid|proxy_list|query|query_exclude|sumdb|sumdb_cache|sumdb_proxy|tidy_sum)"

// apart are scripts that may fail, and why.
var apart = map[string]string{
	"mod_bad_filenames":        refusedZip,
	"mod_load_badzip":          refusedZip,
	"mod_invalid_path_dotname": "the checksum database of the test binary leaves out files whose names begin with a dot, so that it has another hash",
	"mod_download_hash":        internet,
	"mod_download_private_vcs": internet,
	"mod_get_hash":             internet,
	"mod_getx":                 internet,
	"mod_git_export_subst":     internet,
	"mod_gonoproxy":            internet,
	"mod_invalid_version":      internet,
	"mod_prefer_compatible":    internet,
	"mod_pseudo_cache":         internet,
	"mod_sumdb_golang":         internet,
}

const (
	refusedZip = "this proxy refuses the zip, where the script wants to see how the go command does"
	internet   = "asks hosts of the internet, past the proxy"
)

// sumDBOfGo is the checksum database of the test binary.
const sumDBOfGo = "localhost.localdev/sumdb+00000c67+AcTrnkbUA+TU4heY3hkjiSES/DSQniBqIeQ/YppAUtK6"

// TestScriptsOfGo: the go command's own tests pass with this proxy.
func TestScriptsOfGo(t *testing.T) {
	if testing.Short() || runtime.GOOS == "windows" {
		t.Skip("builds the test binary of cmd/go")
	}
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src", "cmd", "go")
	binary := buildScripts(t, src)
	up := startScriptProxy(t, src, binary)
	front, requests := frontFor(t, up)

	scripts := os.Getenv("GOCACHE_TEST_SCRIPTS")
	if scripts == "" {
		scripts = ownScripts
	}
	cmd := exec.Command(binary, "-test.v", "-test.run", "^TestScript$/^("+scripts+")$")
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "GOCACHE_TEST_VIA="+front+"/mod", "GOCACHE="+buildCache(), "GOFLAGS=")
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	err = cmd.Run()
	passed, skipped, failed := results(log.String())
	t.Logf("%d scripts passed, %d were skipped, %d failed; %d requests", len(passed), len(skipped), len(failed), requests.Load())
	for _, name := range failed {
		if apart[name] == "" {
			t.Errorf("%s failed", name)
		}
	}
	if t.Failed() || err != nil && len(failed) == 0 {
		t.Errorf("%v\n%s", err, log.String())
	}
	if len(passed) == 0 || requests.Load() == 0 {
		t.Error("nothing was tested")
	}
	if name := os.Getenv("GOCACHE_TEST_SCRIPTS_LOG"); name != "" {
		if err := os.WriteFile(name, log.Bytes(), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// buildScripts builds the test binary of cmd/go, with one line more: the proxy that scripts use.
func buildScripts(t *testing.T, src string) string {
	t.Helper()
	tmp := t.TempDir()
	name := filepath.Join(src, "proxy_test.go")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Skipf("the sources of the go command are not there: %v", err)
	}
	const line = "\t\tproxyURL = \"http://\" + *proxyAddr + \"/mod\"\n"
	patched := strings.Replace(string(text), line, line+"\t\tif via := os.Getenv(\"GOCACHE_TEST_VIA\"); via != \"\" {\n\t\t\tproxyURL = via\n\t\t}\n", 1)
	if patched == string(text) {
		t.Fatalf("%s sets the URL of its proxy in another way now", name)
	}
	other, overlay, binary := filepath.Join(tmp, "proxy_test.go"), filepath.Join(tmp, "overlay.json"), filepath.Join(tmp, "cmdgo.test")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {name: other}})
	if err != nil {
		t.Fatal(err)
	}
	for file, data := range map[string][]byte{other: []byte(patched), overlay: replace} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, "cmd/go")
	cmd.Dir = src
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// startScriptProxy starts the proxy of the test binary, and returns its URL.
func startScriptProxy(t *testing.T, src, binary string) *url.URL {
	t.Helper()
	cmd := exec.Command(binary, "-proxy", "127.0.0.1:0")
	cmd.Dir = src
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	sc := bufio.NewScanner(stderr)
	for sc.Scan() {
		if _, text, ok := strings.Cut(sc.Text(), "GOPROXY="); ok {
			go io.Copy(io.Discard, stderr)
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			return u
		}
	}
	t.Fatal("the proxy of the scripts does not start")
	return nil
}

// faults are paths by which the proxy of the scripts is asked to misbehave. They lead to it alone:
// they test the client.
var faults = regexp.MustCompile(`^/mod/(invalid|[2-9][0-9]+|redirect|sumdb-[^/]*)/`)

// frontFor starts this proxy with that upstream, and counts what is asked of it.
func frontFor(t *testing.T, up *url.URL) (front string, requests *atomic.Int64) {
	t.Helper()
	st, err := dir.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	zips, err := zipcache.Open(t.TempDir(), 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	client, m := upstream.NewClient(), memo.New(64<<20, time.Now)
	id, err := checksumdb.Identify(sumDBOfGo)
	if err != nil {
		t.Fatal(err)
	}
	db := checksums.New(checksums.Options{
		Identity: id, Upstreams: []goproxy.Element{{Name: up.String()}}, Client: client, Store: st, Memo: m, Latest: time.Minute,
		Failed: func(op string, err error) { t.Logf("checksum database: %s: %v", op, err) },
	})
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	lib := NewLibrary(Options{
		Store: st, Repo: "repo", Scope: "scope", Public: &upstream.HTTP{Base: up, Client: client, Pause: time.Millisecond}, PrivateSource: upstream.Off{},
		DB: db, Zips: zips, Memo: m, Log: log, Watch: Silent{}, ListTTL: time.Minute, AbsentTTL: time.Minute,
		FlightTime: time.Minute, TouchAfter: time.Hour, StoreDelay: time.Second,
	})
	requests = &atomic.Int64{}
	server := http.StripPrefix("/mod", &Server{Library: lib, DB: db, Log: log, Listed: time.Minute})
	direct := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: up.Scheme, Host: up.Host})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if faults.MatchString(r.URL.Path) {
			direct.ServeHTTP(w, r)
			return
		}
		requests.Add(1)
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { s.Close(); lib.Close(); db.Close(); zips.Close() })
	return s.URL, requests
}

var result = regexp.MustCompile(`(?m)^    --- (PASS|SKIP|FAIL): TestScript/(\S+)`)

func results(log string) (passed, skipped, failed []string) {
	for _, m := range result.FindAllStringSubmatch(log, -1) {
		switch m[1] {
		case "PASS":
			passed = append(passed, m[2])
		case "SKIP":
			skipped = append(skipped, m[2])
		default:
			failed = append(failed, m[2])
		}
	}
	return passed, skipped, failed
}
