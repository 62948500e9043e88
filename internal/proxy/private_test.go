package proxy

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/proxy/access"
	"github.com/org/gocache-action/internal/proxy/settings"
	"github.com/org/gocache-action/internal/proxy/upstream"
)

// setServer changes the Server of a world.
func (w *world) setServer(change func(*Server)) { change(w.proxy.Config.Handler.(*Server)) }

// TestPrivateNames: whatever is asked about private modules, by whomever, nothing of their names
// reaches the public upstream or the checksum database.
func TestPrivateNames(t *testing.T) {
	secret := newModule(t, "secret.example/Hidden/x", "v1.0.0", map[string]string{"x.go": "package x\n"})
	inner := newWorld(t, secret)
	w := newWorld(t, secret) // the public upstream would even have it
	w.private = "secret.example,*.corp.example"
	w.start(func(o *Options) {
		u, _ := url.Parse(inner.upstream.URL)
		o.PrivateSource = &upstream.HTTP{Base: u, Client: upstream.NewClient()}
	})
	for _, m := range []string{"secret.example/!hidden/x", "git.corp.example/team/y"} {
		for _, file := range []string{"@v/list", "@latest", "@v/main.info", "@v/v1.0.0.info", "@v/v1.0.0.mod", "@v/v1.0.0.zip", "@v/v9.0.0.zip"} {
			w.get(m + "/" + file)
			w.get(m+"/"+file, "Cache-Control", "no-cache")
		}
		w.want(403, "sumdb/sum.example/lookup/"+m+"@v1.0.0")
	}
	w.settle()
	if len(w.asked) != 0 {
		t.Errorf("the public upstream was asked: %q", w.asked)
	}
	if inner.requests("/sumdb/") != 0 || inner.requests("Hidden")+inner.requests("!hidden") == 0 {
		t.Errorf("the private upstream was asked: %q", inner.asked)
	}
	if got := sumOf(t, w.want(200, "secret.example/!hidden/x/@v/v1.0.0.zip")); got != secret.sum {
		t.Errorf("zip: %s", got)
	}
	for _, name := range objects(t, w) {
		if strings.Contains(name, "hidden") && !strings.HasPrefix(name, "v2/repos/repo/scope/") {
			t.Errorf("a private module was stored as %s", name)
		}
	}
}

func objects(t testing.TB, w *world) (names []string) {
	t.Helper()
	for e, err := range lister(w).List(t.Context(), "") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, e.Name)
	}
	return names
}

// TestTokens: a private module is for those who may read it, and nobody is asked for it before.
func TestTokens(t *testing.T) {
	secret := newModule(t, "secret.example/x", "v1.0.0", map[string]string{"x.go": "package x\n"})
	w := newWorld(t, secret, greet(t, "v1.0.0"))
	w.private = "secret.example,other.example"
	w.start(func(o *Options) { o.PrivateSource = o.Public })
	sum := sha256.Sum256([]byte("token"))
	rules, err := access.New([]access.Reader{{Name: "ci", SHA256: hex.EncodeToString(sum[:]), Patterns: "secret.example"}})
	if err != nil {
		t.Fatal(err)
	}
	w.setServer(func(s *Server) { s.Access = rules })
	const path = "secret.example/x/@v/v1.0.0.zip"
	status, h, _ := w.get(path)
	if status != 401 || !strings.HasPrefix(h.Get("WWW-Authenticate"), "Basic") {
		t.Errorf("without a token: status %d, %v", status, h)
	}
	w.want(401, path, "Authorization", "Bearer wrong")
	w.want(403, "other.example/x/@v/list", "Authorization", "Bearer token")
	if len(w.asked) != 0 {
		t.Errorf("asked: %q", w.asked)
	}
	w.want(200, path, "Authorization", "Bearer token")
	w.want(401, path) // also when it is there
	w.want(200, greetZip)
}

// TestModes: what is served and asked for in each mode.
func TestModes(t *testing.T) {
	w := newWorld(t, greet(t, "v1.0.0"), greet(t, "v1.0.1")).start(nil)
	u, _ := url.Parse(w.upstream.URL)
	local := w.lib.Local()
	defer local.Close()
	mode := func(m string) {
		w.setServer(func(s *Server) {
			s.Local, s.Redirect, s.Modes = local, u, []settings.Mode{{Modules: "example.com/Greet", Mode: m}}
		})
	}
	mode(settings.ModeNone)
	w.want(404, greetZip)
	w.want(404, "example.com/!greet/@v/list")
	if n := w.requests("/sumdb/"); n != len(w.asked) {
		t.Errorf("none: asked %q", w.asked)
	}
	mode(settings.ModeRedirect)
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Get(w.proxy.URL + "/" + greetZip)
	if err != nil || resp.StatusCode != 302 || resp.Header.Get("Location") != w.upstream.URL+"/"+greetZip {
		t.Errorf("redirect: %v, %v", err, resp)
	}
	if got := string(w.want(200, "example.com/!greet/@v/list")); got != "v1.0.0\nv1.0.1\n" {
		t.Errorf("redirect: list %q", got)
	}
	mode(settings.ModeAsync)
	w.want(404, greetZip)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if status, _, _ := w.get(greetZip); status == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("async: it never comes")
		}
	}
	w.settle()
	if n := w.requests("v1.0.0.zip"); n != 1 {
		t.Errorf("async: %d fetches", n)
	}
	mode(settings.ModeNone)
	w.want(200, greetZip)
	w.want(404, "example.com/!greet/@v/v1.0.1.zip")
	if got := string(w.want(200, "example.com/!greet/@v/list")); got != "v1.0.0\n" {
		t.Errorf("none: list %q", got)
	}
}

// TestPrivateGoMod: a private .mod that is not the go.mod in its zip is refused by name, whichever
// of both comes first, and nothing of the zip is kept.
func TestPrivateGoMod(t *testing.T) {
	bare := newModule(t, "example.com/Greet", "v1.0.0", map[string]string{"x.go": "package greet\n", "go.mod": "module example.com/Greet\n"})
	for _, files := range [][]string{{".mod", ".zip"}, {".zip", ".mod"}} {
		m := bare
		m.mod = []byte("module example.com/Greet\n\nrequire evil.example/x v1.0.0\n")
		w := newWorld(t, m)
		w.private = "example.com/*"
		w.start(func(o *Options) { o.PrivateSource = o.Public })
		for _, file := range files {
			status, _, data := w.get("example.com/!greet/@v/v1.0.0" + file)
			if file == ".zip" && (status != 502 || !strings.Contains(string(data), "example.com/Greet@v1.0.0: its .mod has the hash")) {
				t.Errorf("%s: %d %s", files, status, data)
			}
		}
		w.settle()
		for _, name := range objects(t, w) {
			if !strings.HasSuffix(name, ".mod") && !strings.HasSuffix(name, ".info") {
				t.Errorf("%s: stored %s", files, name)
			}
		}
	}
}

// TestPrivateGoModLater: a .mod that comes after its zip, once the note of the first is gone.
func TestPrivateGoModLater(t *testing.T) {
	m := greet(t, "v1.0.0")
	w := newWorld(t, m)
	w.private = "example.com/*"
	private := func(o *Options) { o.PrivateSource = o.Public }
	w.start(private)
	w.want(200, greetZip)
	w.settle()
	mod := strings.Replace(greetZip, ".zip", ".mod", 1)
	var notes []string
	for _, name := range objects(t, w) {
		if strings.HasSuffix(name, ".mod") {
			notes = append(notes, name)
		}
	}
	if len(notes) != 1 {
		t.Fatal(notes)
	}
	remove(t, w, notes...)
	m.mod = []byte("module example.com/Greet\n\nrequire evil.example/x v1.0.0\n")
	w.add(m)
	w.start(private)
	if data := w.want(502, mod); !strings.Contains(string(data), "example.com/Greet@v1.0.0") {
		t.Errorf("%s", data)
	}
}
