package whymodule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/finding"
)

const app = "module example.com/app\n\ngo 1.21\n\nrequire MODULE v1.0.0\n"

// TestWell: everything is as it should be, and a newer version is there for whoever wants it.
func TestWell(t *testing.T) {
	w := newWorld(t, "v1.0.0", "v1.1.0")
	w.project(map[string]string{"go.mod": app, "app.go": "package app\n\nimport _ \"MODULE\"\n"})
	w.proxy(nil, "v1.0.0", "v1.1.0")
	w.mustGo("get", w.name+"@v1.0.0")
	a := w.ask("")
	w.wantWell(a)
	w.wantStatus(a, "version", finding.OK, "v1.0.0  by example.com/app")
	w.wantStatus(a, "version", finding.OK, "example.com/app -> "+w.name)
	w.wantStatus(a, "repository", finding.OK, "2 versions, the newest v1.1.0")
	w.wantStatus(a, "cache", finding.OK, "v1.0.0, v1.1.0 (no files)")
	w.wantAdvice(a, "go get MODULE@v1.1.0", "nobody in this project demands it")
	w.shell(a.Remedy.Command)
	a = w.ask("")
	w.wantWell(a)
	w.wantAdvice(a, "", "nothing to do: v1.1.0 is selected")
	w.wantStatus(a, "checksum", finding.OK, "in go.sum and module cache")

	// A package of it is no module, and no tag makes it one.
	name := w.name
	w.name += "/pkg"
	a = w.ask("")
	w.name = name
	w.wantAdvice(a, "gocache doctor MODULE", "the name may be of a package in it")
}

// TestLag: a proxy that has not seen a new tag, and then one of which only the list is old.
func TestLag(t *testing.T) {
	w := newWorld(t, "v1.0.0")
	w.project(map[string]string{"go.mod": app})
	knows := false
	w.proxy(func(rw http.ResponseWriter, r *http.Request) bool {
		rw.Header().Set("Cache-Control", "public, max-age=600")
		rw.Header().Set("Age", "300")
		if knows && strings.HasSuffix(r.URL.Path, "v1.1.0.info") {
			fmt.Fprintln(rw, `{"Version":"v1.1.0"}`)
			return true
		}
		return false
	}, "v1.0.0")
	w.publish("v1.1.0", map[string]string{"new.go": "package lib\n"})
	a := w.ask("")
	w.wantStatus(a, "proxy", finding.Fail, "the repository has v1.1.0, and this answer is older: 5 min")
	w.wantStatus(a, "proxy", finding.Fail, "v1.1.0: 404")
	w.wantAdvice(a, finding.With("GOPROXY", "direct", "go get MODULE@v1.1.0"), "or wait 5 min")
	a = w.ask("@v1.1.0")
	w.wantStatus(a, "proxy", finding.Fail, "nobody in GOPROXY has it")
	w.wantAdvice(a, finding.With("GOPROXY", "direct", "go get MODULE@v1.1.0"), "nobody in GOPROXY does")
	knows = true
	a = w.ask("@latest")
	w.wantStatus(a, "proxy", finding.Fail, "it has it, although its list does not")
	w.wantAdvice(a, "go get MODULE@v1.1.0", "is old: 5 min: by its name it serves the version")

	w.shell(finding.With("GOPROXY", "direct", "go get "+w.name+"@v1.1.0"))
	if out := w.mustGo("list", "-m", w.name); out != w.name+" v1.1.0\n" {
		t.Errorf("the advice led to %s", out)
	}
	knows = false
	a = w.ask("") // who has followed it need not do so again, although the proxy is as it was
	w.wantStatus(a, "proxy", finding.Warn, "this answer is older")
	w.wantAdvice(a, "", "nothing to do: v1.1.0 is selected")
	knows = true
	w.o.NoVCS = true
	a = w.ask("@v1.0.0")
	w.wantStatus(a, "repository", finding.OK, "--no-vcs")
	w.wantWell(a)
}

// TestMovedTag: a tag that was moved after others had fetched it.
func TestMovedTag(t *testing.T) {
	w := newWorld(t, "v1.0.0", "v1.1.0")
	w.project(map[string]string{"go.mod": app})
	w.proxy(nil, "v1.0.0", "v1.1.0")
	w.mustGo("get", w.name+"@v1.1.0")
	w.write(w.repo, map[string]string{"lib.go": "package lib // changed\n"})
	w.git("commit", "-qam", "changed")
	w.git("tag", "-f", "v1.1.0")
	a := w.ask("@v1.1.0")
	w.wantStatus(a, "checksum", finding.Fail, "v1.1.0 is not the same everywhere")
	w.wantAdvice(a, finding.Then("git tag v1.1.1", "git push origin v1.1.1"), "the tag of v1.1.0 was moved")
}

// TestPrivate: proxies are asked about a module that they cannot know.
func TestPrivate(t *testing.T) {
	w := newWorld(t, "v1.0.0", "v1.1.0")
	w.project(map[string]string{"go.mod": app})
	s := w.proxy(func(rw http.ResponseWriter, r *http.Request) bool {
		http.Error(rw, "not found: terminal prompts disabled", http.StatusNotFound)
		return true
	}, "v1.0.0")
	w.o.Settings.GOPROXY = s.URL + ",direct"
	w.o.Settings.GOPRIVATE = "other.example"
	w.o.Settings.Source = map[string]string{}
	a := w.ask("")
	w.wantStatus(a, "route", finding.Fail, "it seems to be private")
	w.wantStatus(a, "proxy", finding.OK, "404 not found: terminal prompts disabled")
	w.wantAdvice(a, "go env -w GOPRIVATE=other.example,git.example", "it is private")

	// With the setting, no proxy is asked.
	s.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a proxy was asked") })
	w.o.Settings.GOPRIVATE, w.o.Settings.GONOPROXY, w.o.Settings.GONOSUMDB = "git.example", "git.example", "git.example"
	a = w.ask("")
	w.wantWell(a)
	w.wantStatus(a, "route", finding.OK, "asks the repository and no proxy: GOPRIVATE=git.example")
	w.o.Settings.GOVCS = "private:hg"
	a = w.ask("")
	w.wantStatus(a, "repository", finding.Fail, "GOVCS=private:hg")
	if !strings.HasPrefix(a.Remedy.Command, "go env -w GOVCS=") {
		t.Errorf("advice %+v", a.Remedy)
	}
}

// TestTags: tags that are no versions of the module.
func TestTags(t *testing.T) {
	w := newWorld(t, "v1.0.0")
	w.project(map[string]string{"go.mod": app})
	w.git("tag", "0.9") // below what there is: nobody means it any more
	w.publish("v1.2", map[string]string{"new.go": "package lib\n"})
	a := w.ask("")
	w.wantStatus(a, "tags", finding.Warn, "the tag v1.2 is no version")
	w.wantAdvice(a, finding.Then("git tag v1.2.0 v1.2", "git push origin v1.2.0"), "three numbers behind a v")
	if n := len(a.Facts.near()); n != 1 {
		t.Errorf("%d tags are shown", n)
	}
	w.git("tag", "v1.2.0", "v1.2")

	// v2 without /v2 in go.mod, with it, and by its name.
	w.git("tag", "v2.0.0")
	a = w.ask("")
	w.wantStatus(a, "tags", finding.Warn, "and it is none of that either")
	w.wantAdvice(a, "go mod edit -module=MODULE/v2", "v2.0.0 needs a go.mod that says so")
	w.git("tag", "-d", "v2.0.0")
	w.publish("v2.0.0", map[string]string{"go.mod": "module " + w.name + "/v2\n\ngo 1.21\n"})
	a = w.ask("@v2.0.0")
	w.wantStatus(a, "tags", finding.Fail, "versions of v2 are of the module "+w.name+"/v2")
	w.wantAdvice(a, "go get MODULE/v2@v2.0.0", "")
}

// TestNested: the tags of a module in a directory begin with its name.
func TestNested(t *testing.T) {
	w := newWorld(t, "v1.0.0")
	root := w.name
	w.name += "/sub"
	w.publish("v1.1.0", map[string]string{"sub/go.mod": "module " + w.name + "\n\ngo 1.21\n", "sub/sub.go": "package sub\n"})
	w.project(map[string]string{"go.mod": "module example.com/app\n\ngo 1.21\n"})
	a := w.ask("@v1.1.0")
	w.wantStatus(a, "tags", finding.Fail, "its tags begin with sub/")
	w.wantAdvice(a, finding.Then("git tag sub/v1.1.0 v1.1.0", "git push origin sub/v1.1.0"), "no version of this module")
	w.git("tag", "sub/v1.1.0")
	a = w.ask("@v1.1.0")
	w.wantWell(a)
	w.wantAdvice(a, "go get MODULE@v1.1.0", "nothing in this project needs the module yet")
	_ = root
}

// TestDirectives: replace, exclude, retract and vendor directories.
func TestDirectives(t *testing.T) {
	w := newWorld(t, "v1.0.0", "v1.1.0")
	w.publish("v1.2.0", map[string]string{"go.mod": "// Deprecated: use other.\nmodule " + w.name + "\n\ngo 1.21\n\nretract v1.2.0 // broken\n"})
	w.write(filepath.Join(w.o.Dir, "fork"), map[string]string{"go.mod": "module " + w.name + "\n"})
	w.project(map[string]string{"go.mod": app + "\nreplace MODULE => ./fork\n"})
	a := w.ask("")
	w.wantStatus(a, "replace", finding.OK, "go.mod:7 replaces it by ./fork")
	w.wantStatus(a, "route", finding.OK, "nobody is asked: go.mod:7 replaces it by a directory")
	if len(a.Facts.Repository.Versions) != 0 {
		t.Error("the repository was asked about what lies in a directory here")
	}
	w.wantAdvice(a, "go mod edit -dropreplace=MODULE", "go.mod:7")
	w.shell(a.Remedy.Command)
	a = w.ask("")
	w.wantStatus(a, "retract", finding.OK, "v1.2.0, the newest version, is retracted by its authors: broken")
	w.wantStatus(a, "deprecated", finding.Warn, "use other.")

	w.o.NoVCS = true // whose versions are not in question any more
	w.project(map[string]string{"go.mod": app + "\nexclude MODULE v1.1.0\n"})
	a = w.ask("@v1.1.0")
	w.wantStatus(a, "exclude", finding.Warn, "go.mod:7 excludes v1.1.0")
	w.wantAdvice(a, "go mod edit -dropexclude=MODULE@v1.1.0", "go.mod:7")
	w.shell(a.Remedy.Command)

	w.project(map[string]string{"go.mod": app, "vendor/modules.txt": "# MODULE v1.1.0\n## explicit; go 1.21\n"})
	a = w.ask("")
	w.wantStatus(a, "vendor", finding.Fail, "which has v1.1.0, not v1.0.0")
	w.wantAdvice(a, "go mod vendor", "vendor directory")
}

// TestWorkspace: a module of a workspace, and one that a module of it needs.
func TestWorkspace(t *testing.T) {
	w := newWorld(t, "v1.0.0", "v1.1.0")
	w.project(map[string]string{
		"a/go.mod": strings.ReplaceAll(app, "app", "a"), "b/go.mod": "module example.com/b\n\ngo 1.21\n\nrequire MODULE v1.1.0\n",
		"go.work": "go 1.21\n\nuse (\n\t./a\n\t./b\n)\n",
	})
	w.o.NoVCS = true
	a := w.ask("")
	w.wantWell(a)
	w.wantStatus(a, "version", finding.OK, "v1.1.0  by example.com/b\nv1.0.0  by example.com/a")
	a = w.ask("@v1.0.0")
	w.wantAdvice(a, "go get MODULE@v1.0.0", "")
	w.write(filepath.Join(w.o.Dir, "lib"), map[string]string{"go.mod": "module " + w.name + "\n\ngo 1.21\n"})
	w.project(map[string]string{"go.work": "go 1.21\n\nuse (\n\t./a\n\t./b\n\t./lib\n)\n"})
	a = w.ask("")
	w.wantStatus(a, "version", finding.OK, "it is a main module, in "+filepath.Join(w.o.Dir, "lib"))
	w.wantAdvice(a, "go work edit -dropuse=./lib", "uses the files in that directory")
	w.shell(a.Remedy.Command)
	if data, err := os.ReadFile(w.o.GOWORK); err != nil || strings.Contains(string(data), "./lib") {
		t.Errorf("the advice led to %s, %v", data, err)
	}
}

// TestHangingProxy: one that does not answer costs its time and no more, and the list decides
// whether the go command goes on.
func TestHangingProxy(t *testing.T) {
	w := newWorld(t, "v1.0.0")
	w.o.ProxyTime = 300 * time.Millisecond
	s := w.proxy(func(_ http.ResponseWriter, r *http.Request) bool {
		<-r.Context().Done()
		return true
	}, "v1.0.0")
	w.o.Settings.GOPROXY = s.URL + ",direct"
	a := w.ask("")
	w.wantStatus(a, "proxy", finding.Fail, "list: no answer in time")
	w.wantStatus(a, "proxy", finding.Fail, "the go command stops here")
	w.wantAdvice(a, finding.With("GOPROXY", "direct", "go get MODULE@v1.0.0"), "does not let the go command go on")
	w.o.Settings.GOPROXY, w.o.NoVCS = s.URL+"|direct", true
	a = w.ask("")
	w.wantStatus(a, "proxy", finding.Warn, "goes on to the next")
}

// TestChain: a proxy behind one that answers does not get to know the name of the module.
func TestChain(t *testing.T) {
	w := newWorld(t, "v1.0.0")
	w.o.NoVCS = true
	first := w.proxy(nil, "v1.0.0")
	second := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		t.Errorf("%s was asked for", r.URL)
	}))
	t.Cleanup(second.Close)
	w.o.Settings.GOPROXY = first.URL + "," + second.URL
	a := w.ask("")
	w.wantWell(a)
	w.wantStatus(a, "proxy", finding.OK, "not asked\nthe go command does not come to it")
	w.o.Settings.GOPROXY = "off"
	a = w.ask("")
	w.wantStatus(a, "repository", finding.OK, "--no-vcs")
	w.wantAdvice(a, finding.With("GOPROXY", "direct", "go get MODULE@latest"), "forbids to ask anybody")
}

// TestSumDB: a checksum database that has another hash of one version, and does not know the other.
func TestSumDB(t *testing.T) {
	w := newWorld(t, "v1.0.0", "v1.1.0")
	private, public, err := note.GenerateKey(rand.Reader, "sum.example/db")
	if err != nil {
		t.Fatal(err)
	}
	const hash = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	db := httptest.NewServer(sumdb.NewServer(sumdb.NewTestServer(private, func(path, version string) ([]byte, error) {
		if version != "v1.0.0" {
			return nil, os.ErrNotExist
		}
		return fmt.Appendf(nil, "%s %s %s\n%s %s/go.mod %s\n", path, version, hash, path, version, hash), nil
	})))
	t.Cleanup(db.Close)
	w.o.Settings.GOSUMDB = public + " " + db.URL
	w.o.Settings.Source["GOSUMDB"] = FromFile
	w.o.DB = checksumdb.New(checksumdb.Options{GOSUMDB: w.o.Settings.GOSUMDB})
	a := w.ask("@v1.0.0")
	w.wantStatus(a, "checksum", finding.Fail, hash+"  checksum database")
	w.wantAdvice(a, finding.Then("git tag v1.0.1", "git push origin v1.0.1"), "publish the next version")
	a = w.ask("")
	w.wantStatus(a, "checksum", finding.Fail, "does not know v1.1.0")
	w.wantAdvice(a, "", "wait 30 min") // it knows the one before

	// What go.sum has is not asked about, and the name may be private.
	w.project(map[string]string{"go.mod": app, "go.sum": w.name + " v1.0.0 " + hash + "\n"})
	w.o.NoVCS = true
	a = w.ask("@v1.0.0")
	if len(a.Facts.Sums) != 0 {
		t.Errorf("the database was asked: %v", a.Facts.Sums)
	}
}

// TestToolchain: for what the module cache lacks, the toolchain of the project is run from where it
// is, and none is downloaded.
func TestToolchain(t *testing.T) {
	var commands []string
	o := &Options{ModDir: t.TempDir(), Dir: t.TempDir(), Settings: Settings{GOPROXY: "https://p.example"}}
	o.Run = func(_ context.Context, command, _ string, env []string, args ...string) ([]byte, error) {
		commands = append(commands, command)
		switch {
		case slices.Contains(env, "GOSUMDB=off"):
			t.Errorf("%q keeps the go command from switching", env)
		case args[0] == "env":
			return []byte("/sdk\n"), nil
		case len(commands) == 1:
			return nil, errors.New("missing")
		case !slices.Contains(env, "GOTOOLCHAIN=local"):
			t.Errorf("%q may download a toolchain", env)
		}
		return []byte("graph"), nil
	}
	s, err := newScratch(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.remove()
	out, err := s.inProject(t.Context(), "mod", "graph")
	if want := []string{"go", "go", filepath.Join("/sdk", "bin", "go")}; err != nil || string(out) != "graph" || !slices.Equal(commands, want) {
		t.Errorf("%s, %v: %q, want %q", out, err, commands, want)
	}
}

// TestCache: what is in the module cache, and that somebody works on it.
func TestCache(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "cache", "download", "example.com", "!big", "@v")
	for name, text := range map[string]string{
		"v1.0.0.info": `{"Version":"v1.0.0","Time":"2026-01-02T03:04:05Z","Origin":{"Hash":"abc"}}`, "v1.0.0.ziphash": "h1:a", "v1.0.0.lock": "",
		"v1.10.0.info": "junk", "v1.10.0.lock": "", "v1.2.0.mod": "", "list": "v1.0.0\n",
	} {
		if err := errors.Join(os.MkdirAll(at, 0o755), os.WriteFile(filepath.Join(at, name), []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "example.com", "!big@v1.0.0"), 0o755); err != nil {
		t.Fatal(err)
	}
	lock := flock.New(filepath.Join(at, "v1.10.0.lock"))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	list := readCache(dir, "example.com/Big")
	for goos, want := range map[string]string{"linux": "tree && rm -f " + finding.Quote("/m/!b@v1.0.0.") + "*", "windows": `tree && cmd /c del /q "/m/!b@v1.0.0.*"`} {
		if got := removal(goos, "tree", "/m/!b@v1.0.0", true); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	if len(list) != 2 || list[0].Version != "v1.0.0" || list[0].Commit != "abc" || list[0].Hash != "h1:a" || !list[0].Tree || list[0].Locked || list[0].Fetched.IsZero() {
		t.Errorf("%+v", list)
	}
	if len(list) == 2 && (list[1].Version != "v1.10.0" || list[1].Tree || !list[1].Locked) {
		t.Errorf("%+v", list[1])
	}
}
