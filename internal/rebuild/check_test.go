package rebuild

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/finding/findingtest"
	"github.com/org/gocache-action/internal/osfile/osfiletest"
)

// around is what is well: each test breaks one thing.
func around(t *testing.T) (*world, Surroundings) {
	t.Helper()
	w := newWorld(t)
	s := Surroundings{
		Options: w.options(), GOPROXY: osfiletest.FileURL(w.prox), Client: http.DefaultClient,
		Direct: func(context.Context, module.Version) error { return errors.New("asked directly") },
	}
	s.Busy = func() ([]string, error) { return nil, nil }
	return w, s
}

// find returns the finding of a check.
func find(t *testing.T, s Surroundings, check string) finding.Finding {
	t.Helper()
	for _, f := range Check(t.Context(), s) {
		if f.Check == check {
			return f
		}
	}
	t.Fatalf("no check %s", check)
	return finding.Finding{}
}

// TestWell: all checks pass, and change nothing.
func TestWell(t *testing.T) {
	w, s := around(t)
	mods, build := state(t, w.mod), state(t, w.build)
	for _, f := range Check(t.Context(), s) {
		if f.Status != finding.OK {
			t.Errorf("%+v", f)
		}
	}
	if d := differ(mods, state(t, w.mod)) + differ(build, state(t, w.build)); d != "" {
		t.Errorf("changed:\n%s", d)
	}
}

// elsewhere is where one directory is on another file system.
func elsewhere(suffix string) func(string) (int64, string, error) {
	return func(dir string) (int64, string, error) {
		if strings.HasSuffix(dir, suffix) {
			return 1 << 40, "other", nil
		}
		return 1 << 40, "this", nil
	}
}

// TestChecks makes each fault in turn.
func TestChecks(t *testing.T) {
	for name, tt := range map[string]struct {
		check  string
		status finding.Status
		fault  func(*testing.T, *world, *Surroundings)
		want   string
	}{
		"a go command runs": {"go-commands", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) {
			s.Busy = func() ([]string, error) { return []string{"process 12"}, nil }
		}, "process 12"},
		"nobody knows": {"go-commands", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) {
			s.Busy = func() ([]string, error) { return nil, errors.ErrUnsupported }
		}, "unsupported"},
		"a container": {"go-commands", finding.Warn, func(_ *testing.T, _ *world, s *Surroundings) { s.Unseen = "this is a container" }, "container"},
		"interrupted": {"caches", finding.Warn, func(t *testing.T, w *world, _ *Surroundings) {
			p, err := openPlace(w.mod)
			must(t, err)
			must(t, p.begin(journal{Units: []string{"example.com"}}))
			must(t, p.close())
		}, "was interrupted"},
		"a file": {"caches", finding.Fail, func(t *testing.T, w *world, s *Surroundings) {
			s.BuildDir = filepath.Join(w.proj, "go.mod")
		}, "go.mod"},
		"no build cache": {"caches", finding.Warn, func(_ *testing.T, _ *world, s *Surroundings) { s.BuildDir, s.NoBuildCache = "", "GOCACHE is off" }, "GOCACHE is off"},
		"something mounted": {"file-system", finding.Fail, func(_ *testing.T, w *world, s *Surroundings) {
			s.Free = elsewhere("example.com")
		}, "another file system"},
		"a cache below is mounted": {"file-system", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) {
			s.Free = elsewhere(filepath.Join("cache", "download"))
		}, "another file system"},
		"lost+found": {"file-system", finding.OK, func(t *testing.T, w *world, s *Surroundings) {
			w.write(filepath.Join(w.mod, "lost+found", "x"), "")
			s.Free = elsewhere("lost+found")
		}, "stays"},
		"a cache in the other": {"caches", finding.Fail, func(_ *testing.T, w *world, s *Surroundings) {
			s.All, s.GOCACHE = true, filepath.Join(w.mod, "build")
		}, "lies in"},
		"little room": {"disk-space", finding.Warn, func(_ *testing.T, _ *world, s *Surroundings) {
			s.Free = func(string) (int64, string, error) { return 10, "this", nil }
		}, "10 B free"},
		"a full disk": {"disk-space", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) {
			s.All = true
			s.Free = func(string) (int64, string, error) { return 10, "this", nil }
		}, "10 B free"},
		"GOPATH mode":   {"module-files", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) { s.Files, s.NoModules = nil, true }, "by GO111MODULE"},
		"no go.mod":     {"module-files", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) { s.Files = nil }, "no go.mod"},
		"not committed": {"module-files", finding.Warn, func(_ *testing.T, _ *world, s *Surroundings) { s.Unsaved = s.Files[:1] }, "go.mod"},
		"no go.sum":     {"module-files", finding.Warn, func(_ *testing.T, _ *world, s *Surroundings) { s.Zip, s.Mod = nil, nil }, "nothing to verify"},
		"off":           {"proxies", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) { s.GOPROXY = "off" }, "forbids"},
		"no directory": {"proxies", finding.Fail, func(_ *testing.T, w *world, s *Surroundings) {
			s.GOPROXY = osfiletest.FileURL(filepath.Join(w.base, "none"))
		}, "none"},
		"down, and a comma": {"proxies", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) {
			s.GOPROXY = "http://user:secret@127.0.0.1:1/," + s.GOPROXY
		}, "127.0.0.1"},
		"down, and a bar": {"proxies", finding.OK, func(_ *testing.T, _ *world, s *Surroundings) { s.GOPROXY = "http://127.0.0.1:1|" + s.GOPROXY }, "refused"},
		"absent, then direct": {"proxies", finding.Fail, func(t *testing.T, _ *world, s *Surroundings) {
			server := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(server.Close)
			s.GOPROXY = server.URL + ",direct"
		}, "asked directly"},
		"an outage": {"proxies", finding.Fail, func(t *testing.T, _ *world, s *Surroundings) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
			t.Cleanup(server.Close)
			s.GOPROXY = server.URL + ",direct"
		}, "502"},
		"credentials of others": {"proxies", finding.Warn, func(t *testing.T, _ *world, s *Surroundings) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
			t.Cleanup(server.Close)
			s.GOPROXY, s.GOAUTH = server.URL, "git /home/me"
		}, "GOAUTH gives to the go command alone"},
		"no credentials": {"private-modules", finding.Fail, func(_ *testing.T, _ *world, s *Surroundings) { s.GONOPROXY = "example.com" }, "asked directly"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runtime.GOOS == "windows" && name == "down, and a bar" {
				tt.want = ""
			}
			w, s := around(t)
			tt.fault(t, w, &s)
			f := find(t, s, tt.check)
			if f.Status != tt.status || !strings.Contains(f.Evidence, tt.want) || strings.Contains(f.Evidence, "secret") {
				t.Errorf("%+v, want %v, %q", f, tt.status, tt.want)
			}
			if f.Status == finding.Fail && f.Remedy == (finding.Remedy{}) {
				t.Errorf("no remedy: %+v", f)
			}
			findingtest.Pasteable(t, f)
		})
	}
}

// TestSeesGoCommands: --force ignores go commands only where looking for them failed.
func TestSeesGoCommands(t *testing.T) {
	_, s := around(t)
	s.GOPROXY = "off"
	if list := Check(t.Context(), s); list.Worst() != finding.Fail || SeesGoCommands(list) {
		t.Errorf("none runs: %+v", list)
	}
	s.Busy = func() ([]string, error) { return nil, errors.ErrUnsupported }
	if !SeesGoCommands(Check(t.Context(), s)) {
		t.Error("nobody knows")
	}
}

// TestPrivateAnswers: a private module is asked for directly, once for each owner, and public ones
// from the proxy.
func TestPrivateAnswers(t *testing.T) {
	_, s := around(t)
	s.GONOPROXY = "example.com/dep"
	var asked []string
	s.Direct = func(_ context.Context, v module.Version) error {
		asked = append(asked, v.String())
		return nil
	}
	if f := find(t, s, "private-modules"); f.Status != finding.OK || len(asked) != 1 || asked[0] != dep.String() {
		t.Errorf("%+v, asked %v", f, asked)
	}
	if f := find(t, s, "proxies"); f.Status != finding.OK || !strings.Contains(f.Evidence, unused.String()) {
		t.Errorf("%+v", f)
	}
}

// TestNotWritable: as another user.
func TestNotWritable(t *testing.T) {
	if os.Geteuid() == 0 || runtime.GOOS == "windows" {
		t.Skip("everything is writable")
	}
	w, s := around(t)
	must(t, os.Chmod(w.mod, 0o555))
	defer os.Chmod(w.mod, 0o755)
	if f := find(t, s, "caches"); f.Status != finding.Fail {
		t.Errorf("%+v", f)
	}
}
