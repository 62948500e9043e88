package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/modcache"
)

// closedPort is a URL at which nothing answers. A port that was free a moment ago would not do:
// the server of another test may get it.
const closedPort = "http://127.0.0.1:1"

// answers is a server that always answers the same.
func answers(t *testing.T, status int, text string) string {
	t.Helper()
	return serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, text, status) }))
}

func TestProxies(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{})
	well := serve(t, files{"/golang.org/x/text/@v/v0.3.0.info": `{"Version":"v0.3.0"}`, "/sumdb/sum.golang.org/supported": ""})
	lost := serve(t, files{})
	denies, broken, page := answers(t, http.StatusForbidden, "ask your administrator"), answers(t, http.StatusBadGateway, "x"), answers(t, http.StatusMethodNotAllowed, "x")
	down := closedPort
	nosy := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "corp.example") {
			t.Errorf("the second proxy got to know %s", r.URL.Path)
		}
		http.NotFound(rw, r)
	}))
	stuck := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	t.Cleanup(func() { close(hangs) }) // before the server is closed
	user := strings.Replace(well, "http://", "http://user:secret@", 1)
	for name, c := range map[string]struct {
		list   string
		wanted []string
	}{
		"well":               {well + ",direct", []string{"ok answers 200 in", "ok direct"}},
		"database":           {well, []string{"ok checksum database: supported"}},
		"no such module":     {lost + ",off", []string{"ok checksum database: not supported", "ok off"}},
		"credentials":        {denies, []string{"fail answers 403: ask your administrator"}},
		"outage":             {broken, []string{"fail answers 502"}},
		"no proxy":           {page, []string{"fail this is no module proxy"}},
		"a page":             {answers(t, http.StatusOK, "<html>Log in</html>"), []string{"fail answers 200 with what no module proxy says"}},
		"another version":    {serve(t, files{"/golang.org/x/text/@v/v0.3.0.info": `{"Version":"v0.3.1"}`}), []string{"fail answers 200 with what no module proxy says"}},
		"down":               {down, []string{"fail does not answer"}},
		"down and passed by": {down + "|" + well, []string{"warn does not answer", "ok "}},
		"down, the second":   {well + "," + down, []string{"ok ", "warn does not answer"}},
		"hangs":              {stuck, []string{"fail does not answer"}},
		"unreachable rest":   {"direct," + well, []string{"ok direct", "warn nothing after"}},
		"off":                {"off", []string{"warn GOPROXY=off"}},
		"empty":              {" , ", []string{"fail has no entries"}},
		"no URL":             {"proxy.example.com", []string{"fail is none of https://host"}},
		"a directory":        {"file:///no/such/directory", []string{"fail there is no directory"}},
		"password":           {user, []string{"ok //***@127.0.0.1"}},
		"names":              {lost + "," + nosy, []string{"ok ", "ok "}},
	} {
		t.Run(name, func(t *testing.T) {
			f := bare(t, map[string]string{"GOPROXY": c.list, "GOSUMDB": "sum.golang.org"})
			if name == "names" {
				f.Mod = modOf(t, "require corp.example/secret v1.0.0\n")
			}
			if name == "hangs" {
				f.Limit = 100 * time.Millisecond
			}
			found := runCheck(t, f, "proxy")
			want(t, found, c.wanted...)
			for _, one := range found {
				if strings.Contains(one.Evidence+one.Remedy.String(), "secret") {
					t.Errorf("a password is shown: %+v", one)
				}
			}
		})
	}
	u := &url.URL{Scheme: "https", Host: "proxy.example.com"}
	want(t, list(answer{reply: reply{status: 200}, median: 3 * time.Second}.judge(u, false)), "warn answers in 3s")
	want(t, list(answer{reply: reply{err: errors.New("x509: certificate signed by unknown authority")}}.judge(u, false)), "fail SSL_CERT_FILE")
	f := bare(t, map[string]string{"GOPROXY": "http://198.51.100.7:1", "GOSUMDB": "off"})
	f.client.Transport = refusing{}
	want(t, runCheck(t, f, "proxy"), "fail does not answer", "warn without encryption")
}

// refusing is a transport without a network.
type refusing struct{}

func (refusing) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("refused") }

// TestLogin: a proxy that wants credentials gets those of .netrc.
func TestLogin(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "me" || password != "pass" {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"Version":"v0.3.0"}`)
	}))
	t.Cleanup(s.Close)
	f := bare(t, map[string]string{"GOPROXY": s.URL, "GOSUMDB": "off"})
	f.client = s.Client()
	want(t, runCheck(t, f, "proxy"), "fail .netrc")
	f.Login = func(string) *url.Userinfo { return url.UserPassword("me", "pass") }
	want(t, runCheck(t, f, "proxy"), "ok answers 200")
	f.Env["GOAUTH"] = "git /home/me" // which does not read .netrc
	want(t, runCheck(t, f, "proxy"), "ok unknown: https://127.0.0.1")
}

func TestSumDB(t *testing.T) {
	t.Parallel()
	const other = "h1:jpJFHpPdw8lqdSDzmzMXFuGV0+9LyWmHvNd0tQnL7Nw="
	w := newWorld(t, map[string]string{"go.mod": plainMod, "go.sum": "example.com/greet v1.0.0 " + someSum + "\n"})
	f := w.facts()
	for name, c := range map[string]struct{ setting, proxy, private, wanted string }{
		"well":        {database(t, map[string]string{"example.com/greet v1.0.0": someSum}), "direct", "", "ok has the hash of go.sum"},
		"another":     {database(t, map[string]string{"example.com/greet v1.0.0": other}), "direct", "", "fail git log -p go.sum"},
		"unknown":     {database(t, nil), "direct", "", "fail does not know example.com/greet v1.0.0"},
		"not asked":   {database(t, nil), "direct", "example.com", "ok sum.example.com"},
		"down":        {strings.Fields(database(t, nil))[0] + " " + closedPort, "direct", "", "fail cannot be added"},
		"off":         {"off", "direct", "", "warn whatever a proxy sends is believed"},
		"no network":  {"sum.golang.org", "off", "", "ok not asked"},
		"malformed":   {"sum.example.com+x", "direct", "", "fail invalid GOSUMDB"},
		"for nothing": {"sum.golang.org", "direct", "*", "warn no module is compared"},
	} {
		t.Run(name, func(t *testing.T) {
			g := *f
			g.Env = map[string]string{"GOSUMDB": c.setting, "GOPROXY": c.proxy, "GONOSUMDB": c.private, "GOMOD": f.Env["GOMOD"]}
			want(t, runCheck(t, &g, "sumdb"), c.wanted)
		})
	}
}

// TestPublicSum: the database of everybody is not asked about modules that may be private.
func TestPublicSum(t *testing.T) {
	f := bare(t, map[string]string{"GOMODCACHE": t.TempDir()})
	f.Env["GOMOD"] = filepath.Join(f.Dir, "go.mod")
	w := &world{t: t, dir: f.Dir}
	kept := checksumdb.New(checksumdb.Options{GOSUMDB: "sum.golang.org"}).Session(t.Context(), modcache.SumDB(f.Env["GOMODCACHE"]), nil)
	for _, c := range []struct{ sums, database, want string }{
		{"corp.example/Secret v1.0.0 " + someSum + "\n", "sum.golang.org", asked.Path},
		{"corp.example/Secret v1.0.0 " + someSum + "\n", "sum.corp.example", "corp.example/Secret"},
		{"corp.example/Secret v1.0.0 " + someSum + "\ngolang.org/x/mod v0.20.0 " + someSum + "\n", "sum.golang.org", "golang.org/x/mod"},
	} {
		w.write("", map[string]string{"go.sum": c.sums})
		if v, _ := publicSum(f, c.database, kept); v.Path != c.want {
			t.Errorf("%s is asked about %s, want %s", c.database, v, c.want)
		}
	}
	w.write(f.Env["GOMODCACHE"], map[string]string{"cache/download/sumdb/sum.golang.org/lookup/corp.example/!secret@v1.0.0": ""})
	if v, _ := publicSum(f, "sum.golang.org", kept); v.Path != "corp.example/Secret" {
		t.Errorf("%s, want what was asked about before", v)
	}
}

// TestVCS: real repositories, by the names of private modules, with git's own settings.
func TestVCS(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": plainMod + "\nrequire corp.example/team/lib.git v1.0.0\n"})
	want(t, w.check("vcs"), "ok no module of the project is fetched")
	w.env["GOPRIVATE"] = "corp.example"
	lib := w.root + "/repos/team/lib"
	w.write(lib, map[string]string{"go.mod": "module corp.example/team/lib.git\n", "l.go": "package lib\n"})
	for _, args := range [][]string{{"init", "-q"}, {"add", "-A"}, {"commit", "-qm", "all"}, {"tag", "v1.0.0"}} {
		w.git(lib, args...)
	}
	insteadOf := func(target string) {
		w.write(w.env["HOME"], map[string]string{".gitconfig": "[url \"" + target + "\"]\n\tinsteadOf = https://corp.example/\n[init]\n\tdefaultBranch = main\n"})
	}
	insteadOf("file://" + w.root + "/repos/")
	want(t, w.check("vcs"), "ok the repository of corp.example/team/lib.git can be read")
	// A go.mod above the directory for temporary files does not count, git's own way to use SSH
	// and to ask for passwords does.
	f := w.facts()
	goes := f.Go
	f.Go = func(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
		text := strings.Join(env, " ")
		if strings.Contains(text, "GIT_SSH_COMMAND=") || strings.Contains(text, "GIT_ASKPASS") || !isFile(filepath.Join(dir, "go.mod")) {
			t.Errorf("in %s: %q", dir, env)
		}
		return goes(ctx, dir, env, args...)
	}
	w.git(w.root, "config", "--global", "core.sshCommand", "ssh -i key")
	want(t, runCheck(t, f, "vcs"), "ok the repository of corp.example/team/lib.git can be read")
	insteadOf("file://" + w.root + "/gone/")
	want(t, w.check("vcs"), "fail cannot be read")
	locked := serve(t, http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("WWW-Authenticate", `Basic realm="corp"`)
		rw.WriteHeader(http.StatusUnauthorized)
	}))
	insteadOf(locked + "/")
	want(t, w.check("vcs"), `fail git config --global url.git@corp.example:.insteadOf https://corp.example/`)
	w.env["GOVCS"] = "private:off"
	want(t, w.check("vcs"), "fail GOVCS")
	w.env["GOVCS"] = ""
	w.write("", map[string]string{"go.mod": plainMod + "\nrequire corp.example/team/lib.git v1.0.0\nreplace corp.example/team/lib.git => ../lib\n"})
	want(t, w.check("vcs"), "ok no module of the project is fetched")
}

func TestCredentialRemedy(t *testing.T) {
	for text, want := range map[string]string{
		"fatal: Authentication failed for 'https://git.corp'": "insteadOf",
		"git@git.corp: Permission denied (publickey).":        "ssh-add",
		"Host key verification failed.":                       "ssh-keyscan git.corp",
		"Could not resolve host: git.corp":                    "has it: git.corp",
		"unrecognized import path \"git.corp/x\"":             "?go-get=1",
		"something else": "git ls-remote https://git.corp/x",
	} {
		if got := credentialRemedy("git.corp/x", text); !strings.Contains(got.String(), want) {
			t.Errorf("%s: %s", text, got)
		}
	}
}

// TestClock: a real server, and a clock here that is wrong.
func TestClock(t *testing.T) {
	t.Parallel()
	one, two := serve(t, files{}), serve(t, files{})
	for name, c := range map[string]struct {
		list, wanted string
		off          time.Duration
	}{
		"right":               {one, "ok within", 0}, // a second, or more on a busy machine
		"behind":              {one, "warn behind that of 127.0.0.1", -5 * time.Minute},
		"far behind":          {one, "fail behind", -time.Hour},
		"ahead of one":        {one, "ok unknown: the clock is 1h0m", time.Hour + 30*time.Second},
		"ahead of two":        {one + "," + two, "fail ahead of that of", time.Hour},
		"nobody knows":        {closedPort, "ok unknown: no server tells", time.Hour},
		"nobody may be asked": {"off", "ok unknown: no server tells", time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			f := bare(t, map[string]string{"GOPROXY": c.list, "GOSUMDB": "off"})
			f.Now = func() time.Time { return time.Now().Add(c.off) }
			want(t, runCheck(t, f, "clock"), c.wanted)
		})
	}
	// what a cache kept was dated an hour ago, and says so
	old := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(-time.Hour).UTC().Format(http.TimeFormat))
		w.Header().Set("Age", "3600")
	}))
	f := bare(t, map[string]string{"GOPROXY": old + "," + one, "GOSUMDB": "off"})
	want(t, runCheck(t, f, "clock"), "ok within")
	// dates are in whole seconds
	want(t, list(judgeClock([]reading{{"proxy.example.com", -400 * time.Millisecond}})), "ok within 1s of proxy.example.com")
}

// modOf is a go.mod with these lines.
func modOf(t *testing.T, text string) *modfile.File {
	t.Helper()
	f, err := modfile.Parse("go.mod", []byte(plainMod+text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestRetracted: what the authors say, from a proxy and from the cache.
func TestRetracted(t *testing.T) {
	t.Parallel()
	const newest = "// Deprecated: use example.com/new.\nmodule example.com/old\n\ngo 1.24\n\n// It loses data.\nretract [v1.0.0, v1.1.0]\n"
	proxy := serve(t, files{
		"/example.com/old/@v/list":        "v1.0.0\nv1.2.0\nv1.3.0-rc.1\n",
		"/example.com/old/@v/v1.2.0.mod":  newest,
		"/example.com/fine/@v/list":       "v1.0.0\n",
		"/example.com/fine/@v/v1.0.0.mod": "module example.com/fine\n",
	})
	f := bare(t, map[string]string{"GOPROXY": proxy, "GOMODCACHE": t.TempDir()})
	for text, wanted := range map[string][]string{
		"require example.com/fine v1.0.0\n":                             {"ok none of 1 version"},
		"require example.com/old v1.0.0 // indirect\n":                  {"warn go get example.com/old@latest"},
		"require example.com/old v1.1.0\n":                              {"warn is retracted by its authors: It loses data."},
		"require example.com/old v1.2.0\n":                              {"warn use example.com/new."},
		"require example.com/old v1.2.0 // indirect\n":                  {"ok none of 1"},
		"require example.com/gone v1.0.0\n":                             {"ok unknown: 1 module"},
		"require example.com/x v1.0.0\nreplace example.com/x => ../x\n": {"ok none of 0"},
	} {
		f.Mod = modOf(t, text)
		t.Run(text, func(t *testing.T) { want(t, runCheck(t, f, "retracted"), wanted...) })
	}
	f.Env["GOPROXY"] = "file:///no/such/directory," + proxy // which the second need not know
	f.Mod = modOf(t, "require example.com/old v1.0.0\n")
	want(t, runCheck(t, f, "retracted"), "ok unknown: 1 module")
	// without a proxy, from the cache: a newer go.mod there, or none
	w := newWorld(t, map[string]string{"go.mod": plainMod + "require example.com/old v1.0.0\n"})
	want(t, w.check("retracted"), "ok unknown")
	w.write(w.env["GOMODCACHE"], map[string]string{"cache/download/example.com/old/@v/v1.2.0.mod": newest})
	want(t, w.check("retracted"), "warn It loses data.")
	w.write(w.env["GOMODCACHE"], map[string]string{"cache/download/example.com/old/@v/v1.3.0.mod": "module example.com/old\n"})
	want(t, w.check("retracted"), "ok none of 1 version is retracted, none that the project itself uses is deprecated; of 1 only the module cache was asked")
}

func TestNewest(t *testing.T) {
	for text, want := range map[string]string{"": "", "v1.0.0 v1.10.0 v1.9.0": "v1.10.0", "v1.0.0 v2.0.0+incompatible v1.1.0-rc1": "v1.0.0", "v0.1.0-a v0.1.0-b": "v0.1.0-b"} {
		if got := newestOf(strings.Fields(text)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	if v := fromCache(bare(t, nil), module.Version{Path: "example.com/Upper", Version: "v1.0.0"}); v.known {
		t.Error("something is known of a module that is not there")
	}
}

// TestHangingNetwork: a server that takes connections and says nothing holds no check up.
func TestHangingNetwork(t *testing.T) {
	t.Parallel()
	hangs := make(chan struct{})
	stuck := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	t.Cleanup(func() { close(hangs) })
	w := newWorld(t, map[string]string{"go.mod": plainMod + "require example.com/old v1.0.0\n", "go.sum": "example.com/old v1.0.0/go.mod " + someSum + "\n"})
	w.env["GOPROXY"] = stuck
	f := w.facts()
	f.Limit = 300 * time.Millisecond
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	checks, err := Select([]string{"proxy", "sumdb", "clock", "retracted"})
	if err != nil {
		t.Fatal(err)
	}
	found := Run(ctx, f, checks)
	want(t, found, "fail does not answer", "fail does not answer", "ok unknown", "ok unknown")
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}
