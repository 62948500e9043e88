package hostile

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// manyModules is how many modules a project of these tests has: far more than are transferred at
// once.
const manyModules = 300

// modules replaces the machine's project with one of many small modules, and its module cache with
// one that has them.
func (m *machine) modules(t *testing.T, n int) {
	t.Helper()
	m.proj, m.mod = t.TempDir(), filepath.Join(t.TempDir(), "mod")
	var gomod, gosum strings.Builder
	gomod.WriteString("module example.com/many\n\ngo 1.24\n\nrequire (\n")
	for i := range n {
		v := module.Version{Path: fmt.Sprintf("example.com/m/n%03d", i), Version: "v1.0.0"}
		tree, down := filepath.Join(m.mod, v.Path+"@"+v.Version), filepath.Join(m.mod, "cache", "download", v.Path, "@v")
		text := "module " + v.Path + "\n\ngo 1.24\n"
		write(t, filepath.Join(tree, "go.mod"), text)
		write(t, filepath.Join(tree, "x.go"), fmt.Sprintf("package x\n\nconst N = %d\n", i))
		sum, err := dirhash.HashDir(tree, v.String(), dirhash.Hash1)
		e2etest.Must(t, err)
		modSum, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) { return os.Open(filepath.Join(tree, "go.mod")) })
		e2etest.Must(t, err)
		write(t, filepath.Join(down, "v1.0.0.mod"), text)
		write(t, filepath.Join(down, "v1.0.0.info"), `{"Version":"v1.0.0"}`)
		write(t, filepath.Join(down, "v1.0.0.ziphash"), sum)
		fmt.Fprintf(&gomod, "\t%s v1.0.0\n", v.Path)
		fmt.Fprintf(&gosum, "%s v1.0.0 %s\n%s v1.0.0/go.mod %s\n", v.Path, sum, v.Path, modSum)
	}
	gomod.WriteString(")\n")
	write(t, filepath.Join(m.proj, "go.mod"), gomod.String())
	write(t, filepath.Join(m.proj, "go.sum"), gosum.String())
}

func write(t *testing.T, file, text string) {
	t.Helper()
	e2etest.Must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	e2etest.Must(t, os.WriteFile(file, []byte(text), 0o644))
}

// failing is a server that passes the first requests on to another server, and then answers 503 to
// all others.
type failing struct {
	*httptest.Server
	good             int64 // number of requests that are passed on
	requests, failed atomic.Int64
}

func failAfter(t *testing.T, srv *storetest.Server, good int64) *failing {
	t.Helper()
	target, err := url.Parse(srv.Endpoint)
	e2etest.Must(t, err)
	// The Host header does not change, since it is signed.
	pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = target.Scheme, target.Host }}
	f := &failing{good: good}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f.requests.Add(1) <= f.good {
			pass.ServeHTTP(w, r)
			return
		}
		f.failed.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(f.Close)
	return f
}

// refusing is an endpoint at which nobody listens. A port that was free a moment ago would not do:
// the server of another test may get it.
const refusing = "http://127.0.0.1:1"

// TestDeadStore: a store that is down delays a job by seconds, however many objects it has. Each
// command gives up after its first look-up has failed for good, and if a restore found the store
// down, the save of the job makes only one request.
func TestDeadStore(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	url, _ := bucket(t, g, "dead", g.Endpoint)
	m := newMachine(t, url)
	m.env = g.Env()
	m.modules(t, manyModules)
	m.must(t, "save", "--no-build")
	down := failAfter(t, g, 0)
	endpoints := map[string]string{"refuses": refusing, "answers 503": down.URL}
	for _, h := range blackHole() {
		endpoints["is a black hole"] = h.endpoint(t, g)
	}
	var all []func()
	for name, endpoint := range endpoints {
		r := m.fresh(t)
		r.store = strings.Replace(url, g.Endpoint, endpoint, 1)
		all = append(all, func() {
			restore := finish(t, r.cmd("restore", "--no-build"))
			r.mod = m.mod
			saving := finish(t, r.cmd("save", "--no-build"))
			t.Logf("%s: restore %v, save %v", name, restore.took, saving.took)
			if restore.code != 0 || restore.took > 20*time.Second || !strings.Contains(restore.stderr, "store does not answer") {
				t.Errorf("%s: restore: %v", name, restore)
			}
			if saving.code != 0 || saving.took > 15*time.Second || !strings.Contains(saving.stderr, "as in the restore of this job") {
				t.Errorf("%s: save: %v", name, saving)
			}
		})
	}
	together(3, all...)
	// A look-up of two names and a probe, with five attempts each.
	if n := down.requests.Load(); n == 0 || n > 15 {
		t.Errorf("%d requests to a store that answers 503, want 15 at most", n)
	}
}

// TestModulesRefused: a job that may not write shared modules stops after a few attempts out of
// hundreds, says so in a few lines, and saves everything else.
func TestModulesRefused(t *testing.T) {
	t.Parallel()
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	m := newMachine(t, "")
	m.modules(t, manyModules)
	fill(t, m.build, 1, 3, 1000)
	var refused atomic.Int64
	o := save.Options{Repo: "r", Scope: e2etest.MainScope, Keys: e2etest.SomePlan(t), ModDir: m.mod, BuildDir: m.build}
	o.Store = &storetest.Faulty{Store: st, Before: func(_ context.Context, c storetest.Call) (bool, error) {
		if c.Op == storetest.OpPut && strings.HasPrefix(c.Name, "v2/modules/") {
			refused.Add(1)
			return false, store.ErrDenied
		}
		return true, nil
	}}
	res, err := save.Run(t.Context(), o)
	e2etest.Must(t, err)
	// Those that were in transfer when the fifth was refused are also refused.
	if n := refused.Load(); n < 5 || n > 5+save.DefaultConcurrency || res.Modules.Skipped != manyModules || len(res.Warnings) != 6 || !res.Written || res.Build.Uploaded != 3 {
		t.Errorf("%d uploads were refused: %+v", n, res)
	}
}

// TestStoreDiesMeanwhile: when the store fails in the middle of a restore or a save of many
// objects, only the current transfers are tried again. The time does not depend on how many objects
// are left.
func TestStoreDiesMeanwhile(t *testing.T) {
	t.Parallel()
	g := storetest.Gateway(t)
	url, _ := bucket(t, g, "dies", g.Endpoint)
	m := newMachine(t, url)
	m.env = g.Env()
	m.modules(t, manyModules)
	at := func(good int64, m *machine) *failing {
		f := failAfter(t, g, good)
		m.store = strings.Replace(url, g.Endpoint, f.URL, 1)
		return f
	}
	check := func(command string, f *failing, m *machine) {
		e := finish(t, m.cmd(command, "--no-build"))
		t.Logf("%s: %v, %d requests failed", command, e.took, f.failed.Load())
		// 16 transfers with five attempts each, within 3 s, and their cleaning up.
		if e.code != 0 || e.took > 20*time.Second || f.failed.Load() > 16*5*2 || !strings.Contains(e.stderr, "store does not answer") {
			t.Errorf("%s: %d requests failed: %v", command, f.failed.Load(), e)
		}
	}
	saving := *m
	check("save", at(100, &saving), &saving)
	m.must(t, "save", "--no-build")
	restoring := m.fresh(t)
	check("restore", at(100, restoring), restoring)
	restoring.store = url
	restoring.must(t, "restore", "--no-build")
}
