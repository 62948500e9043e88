package whymodule

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/finding/findingtest"
	"github.com/org/gocache-action/internal/usage"
)

const lib = "corp.example/lib"

// well are facts of a project that has the newest version.
func well() *Facts {
	return &Facts{
		Target: Target{lib, "latest"}, Settings: Settings{GOPROXY: "https://p.example,direct", Source: map[string]string{}},
		Project: &Project{GoMod: "/app/go.mod", Selected: "v1.1.0", Direct: true, Sums: map[string]string{"v1.1.0": "h1:a"},
			Demands: []Demand{{"v1.1.0", []string{"app"}}, {"v1.0.0", []string{"app", "other@v1.0.0"}}}},
		Cached: []Cached{{Version: "v1.1.0", Tree: true, Hash: "h1:a", Commit: "c1"}},
		Proxies: []Proxy{
			{Name: "https://p.example", IsURL: true, List: Reply{Status: 200, Versions: []string{"v1.0.0", "v1.1.0"}, Age: -1}, Latest: Reply{Status: 404, Age: -1}},
			{Name: "direct"},
		},
		Repository: Repository{URL: "https://corp.example/lib", Versions: []string{"v1.0.0", "v1.1.0"}, Tags: []Tag{{"v1.0.0", "c0"}, {"v1.1.0", "c1"}}},
		Sums:       map[string]Sum{"v1.1.0": {Hash: "h1:a"}},
		Goal:       "v1.1.0",
	}
}

// lags is a change of well: a version that the proxy does not have.
func lags(f *Facts) {
	f.Goal = "v1.2.0"
	f.Repository.Versions = append(f.Repository.Versions, "v1.2.0")
}

// TestAdvice: each cause has its finding and its command, and what is well has none.
func TestAdvice(t *testing.T) {
	for name, c := range map[string]struct {
		change          func(*Facts)
		check           string // whose status is checked
		status          finding.Status
		command, reason string
	}{
		"well":       {func(f *Facts) {}, "proxy", finding.OK, "", "nothing to do: v1.1.0 is selected"},
		"no project": {func(f *Facts) { f.Project = nil }, "version", finding.OK, "", "v1.1.0 can be had"},
		"needs an update": {func(f *Facts) { f.Project.Selected = "v1.0.0" }, "version", finding.OK,
			"go get corp.example/lib@v1.1.0", "nobody in this project demands it"},
		"asked for less": {func(f *Facts) {
			f.Query, f.Goal = "v1.0.0", "v1.0.0"
			f.Project.Demands[0].Chain = []string{"app", "b@v1.0.0"}
			f.Proxies[0].Query = Reply{Status: 200, Version: "v1.0.0"}
		}, "version", finding.OK, "go get corp.example/lib@v1.0.0", "b@v1.0.0 demands v1.1.0"},
		"gocache lags": {func(f *Facts) { lags(f); f.Proxies[0].Gocache = true; f.Proxies[0].List.Age = 40 * time.Second }, "proxy", finding.Fail,
			"gocache proxy refresh --server https://p.example corp.example/lib", "ask the repository now"},
		"the list lags": {func(f *Facts) { lags(f); f.Proxies[0].Goal = Reply{Status: 200, Version: "v1.2.0"} }, "proxy", finding.Fail,
			"go get corp.example/lib@v1.2.0", "by its name"},
		"all of it lags": {func(f *Facts) { lags(f); f.Proxies[0].Goal = Reply{Status: 404, Error: "x"} }, "proxy", finding.Fail,
			finding.With("GOPROXY", "direct", "go get corp.example/lib@v1.2.0"), "is older"},
		"the public proxy and the database lag": {func(f *Facts) {
			lags(f)
			f.Proxies[0].Name = "https://proxy.golang.org"
			f.Sums["v1.2.0"] = Sum{Unknown: true}
		}, "checksum", finding.Fail, "", "wait 30 min"},
		"a branch lags": {func(f *Facts) {
			f.Query, f.Goal, f.Repository.Query = "main", "v1.1.1-0.20260102030405-0123456789ab", "v1.1.1-0.20260102030405-0123456789ab"
			f.Proxies[0].Query = Reply{Status: 200, Version: "v1.1.1-0.20260101030405-aaaaaaaaaaaa", Age: time.Hour}
		}, "proxy", finding.Fail, finding.With("GOPROXY", "direct", "go get corp.example/lib@v1.1.1-0.20260102030405-0123456789ab"), "is older"},
		"an outage": {func(f *Facts) {
			f.Project.Selected, f.Proxies[0].List = "v1.0.0", Reply{Status: 502, Error: "Bad Gateway"}
		}, "proxy", finding.Fail,
			finding.With("GOPROXY", "direct", "go get corp.example/lib@v1.1.0"), "https://p.example answers 502, and GOPROXY does not let the go command go on"},
		"an outage, and all is here": {func(f *Facts) { f.Proxies[0].List = Reply{Status: 502, Error: "Bad Gateway"} }, "proxy", finding.Warn,
			"", "nothing to do: v1.1.0 is selected"},
		"a page": {func(f *Facts) { f.Project.Selected, f.Proxies[0].List = "v1.0.0", Reply{Status: 200, Error: "no list"} }, "proxy", finding.Fail,
			finding.With("GOPROXY", "direct", "go get corp.example/lib@v1.1.0"), "https://p.example answers as no module proxy does, and GOPROXY"},
		"a page, and no repository": {func(f *Facts) {
			f.Project.Selected, f.Proxies[0].List, f.Repository = "v1.0.0", Reply{Status: 200, Error: "no list"}, Repository{Error: "down"}
		}, "proxy", finding.Fail, "", "correct the URL https://p.example in GOPROXY"},
		"lags, and it was fetched directly": {func(f *Facts) {
			lags(f)
			f.Project.Selected, f.Cached = "v1.2.0", append(f.Cached, Cached{Version: "v1.2.0", Tree: true})
		}, "proxy", finding.Warn, "", "nothing to do: v1.2.0 is selected"},
		"nobody in GOPROXY, and it was fetched directly": {func(f *Facts) {
			f.Proxies = f.Proxies[:1]
			f.Proxies[0].List = Reply{Status: 404, Error: "x"}
		}, "proxy", finding.Warn, "", "nothing to do: v1.1.0 is selected"},
		"an outage passed over": {func(f *Facts) {
			f.Proxies[0].List, f.Proxies[0].FallBack = Reply{Status: 502, Error: "Bad Gateway"}, true
		}, "proxy", finding.Warn, "", "nothing to do"},
		"no credentials": {func(f *Facts) { f.Proxies[0].List = Reply{Status: 401, Error: "who are you"} }, "proxy", finding.Fail, "", "credentials for https://p.example"},
		"stale":          {func(f *Facts) { f.Proxies[0].List.Stale = true }, "proxy", finding.Warn, "", "nothing to do"},
		"private": {func(f *Facts) {
			f.Proxies[0].List = Reply{Status: 410, Error: "x"}
			f.Sums["v1.1.0"] = Sum{Unknown: true}
		}, "route", finding.Fail,
			"go env -w GOPRIVATE=corp.example", "it is private"},
		"private, and the environment says so": {func(f *Facts) {
			f.Proxies[0].List, f.Sums["v1.1.0"] = Reply{Status: 404, Error: "x"}, Sum{Unknown: true}
			f.Settings.GOPRIVATE, f.Settings.Source["GOPRIVATE"] = "a.example", FromEnvironment
		}, "route", finding.Fail, finding.Export("GOPRIVATE", "a.example,corp.example"), "it is private"},
		"private, for the database": {func(f *Facts) {
			f.Route.Direct, f.Proxies = "GONOPROXY=corp.example", f.Proxies[1:]
			f.Sums, f.Project.Sums = map[string]Sum{"v1.1.0": {Unknown: true}}, nil
		}, "checksum", finding.Fail, "go env -w GONOSUMDB=corp.example", "cannot know it"},
		"private, for the database, in go.sum": {func(f *Facts) { f.Sums["v1.1.0"] = Sum{Unknown: true} }, "checksum", finding.OK, "", "nothing to do"},
		"private, of a proxy": {func(f *Facts) { f.Sums["v1.1.0"], f.Project.Sums = Sum{Unknown: true}, nil }, "checksum", finding.Fail,
			"go env -w GONOSUMDB=corp.example", "cannot know it"},
		"nobody knows whether it is private": {func(f *Facts) { f.Proxies[0].List, f.Sums = Reply{Status: 404, Error: "x"}, nil }, "route", finding.OK,
			"", "nothing to do"},
		"public, and the database lags": {func(f *Facts) {
			f.Goal = "v1.2.0"
			f.Repository.Versions, f.Proxies[0].List.Versions = append(f.Repository.Versions, "v1.2.0"), append(f.Proxies[0].List.Versions, "v1.2.0")
			f.Sums["v1.2.0"] = Sum{Unknown: true}
		}, "checksum", finding.Fail, "", "wait 30 min"},
		"credentials of GOAUTH": {func(f *Facts) { f.Proxies[0].List, f.OtherLogin = Reply{Status: 401}, true }, "proxy", finding.OK,
			"go list -m -versions corp.example/lib", "GOAUTH gives them"},
		"vendored, and not needed": {func(f *Facts) { f.Project.IsVendor = true }, "vendor", finding.OK, "", "nothing to do"},
		"not vendored":             {func(f *Facts) { f.Project.IsVendor, f.Project.Required = true, true }, "vendor", finding.Fail, "go mod vendor", "not of this go.mod"},
		"replaced by a directory": {func(f *Facts) {
			f.Local, f.Goal, f.Proxies, f.Repository = "go.mod:3 replaces it by a directory", "", nil, Repository{NotAsked: "go.mod:3 replaces it by a directory"}
			f.Project.Replaces = []Directive{{File: "/app/go.mod", Line: 3, By: "../lib", Dir: true}}
		}, "route", finding.OK, "go mod edit -dropreplace=corp.example/lib", "by ../lib"},
		"replaced in a module of the workspace": {func(f *Facts) {
			lags(f)
			f.Project.GoWork, f.Proxies[0].List.Versions = "/go.work", f.Repository.Versions
			f.Project.Replaces = []Directive{{File: "/other/go.mod", Line: 3, By: "corp.example/fork v1.0.0"}}
		}, "replace", finding.Warn, "go mod edit -dropreplace=corp.example/lib /other/go.mod", "fork"},
		"no such tag": {func(f *Facts) {
			f.Query, f.Goal, f.Proxies = "v1.9.9", "v1.9.9", f.Proxies[1:]
			f.Repository.QueryErr = "invalid version: unknown revision v1.9.9"
		}, "repository", finding.Fail, "git push origin v1.9.9", "it has no tag v1.9.9"},
		"a commit": {func(f *Facts) {
			f.Project.Selected = "v1.1.1-0.20260102030405-0123456789ab"
			f.Project.Demands[0].Version = f.Project.Selected
		}, "version", finding.OK, "", "which is higher than v1.1.0"},
		"off": {func(f *Facts) { lags(f); f.Proxies = []Proxy{{Name: "off"}} }, "route", finding.Fail,
			finding.With("GOPROXY", "direct", "go get corp.example/lib@v1.2.0"), "forbids to ask anybody"},
		"repository wants credentials": {func(f *Facts) {
			f.Proxies, f.Goal, f.Sums = f.Proxies[1:], "", nil
			f.Repository = Repository{URL: "https://corp.example/lib", Error: "fatal: could not read Username for 'https://corp.example': terminal prompts disabled"}
		}, "repository", finding.Fail, "git ls-remote https://corp.example/lib", "wants credentials"},
		"repository is not needed": {func(f *Facts) {
			f.Repository = Repository{Error: "dial tcp: no such host"}
		}, "repository", finding.OK, "", "nothing to do"},
		"go.sum is not what was published": {func(f *Facts) { f.Project.Sums["v1.1.0"] = "h1:b" }, "checksum", finding.Fail,
			"", "remove the lines of corp.example/lib v1.1.0 from go.sum"},
		"the cache is not what was published": {func(f *Facts) { f.Cached[0].Hash, f.Cached[0].Removal = "h1:b", "rm it" }, "checksum", finding.Fail,
			finding.Then("rm it", "go mod download corp.example/lib@v1.1.0"), "not what was published"},
		"moved": {func(f *Facts) {
			f.Repository.Tags[1].Commit, f.Repository.Hashes = "c9", map[string]string{"v1.1.0": "h1:b"}
		}, "checksum", finding.Fail,
			finding.Then("git tag v1.1.1", "git push origin v1.1.1"), "publish the next version"},
		"moved to the same": {func(f *Facts) {
			f.Repository.Tags[1].Commit, f.Repository.Hashes = "c9", map[string]string{"v1.1.0": "h1:a"}
		}, "checksum", finding.OK, "", "nothing to do"},
		"moved to nobody knows what": {func(f *Facts) { f.Repository.Tags[1].Commit = "c9" }, "checksum", finding.Warn, "", "nothing to do"},
		"database does not answer": {func(f *Facts) { f.Sums["v1.1.0"] = Sum{Error: "timeout"}; f.Project.Sums = nil }, "checksum", finding.Warn,
			"", "nothing to do"},
		"retracted": {func(f *Facts) {
			f.Newest = modInfo{Retract: []Retraction{{"v1.1.0", "v1.1.0", "bad"}}}
			f.Goal = "v1.0.0"
		}, "retract", finding.Warn,
			"", "which is higher than v1.0.0"},
		"locked": {func(f *Facts) { f.Cached[0].Locked = true }, "cache-lock", finding.Warn, "", "nothing to do"},
		"unknown": {func(f *Facts) {
			f.Proxies[0].List = Reply{Status: 404}
			f.Repository = Repository{Error: "not found"}
			f.Goal, f.Sums, f.Project = "", nil, nil
		}, "repository", finding.Fail, "", "check the name"},
		"a package": {func(f *Facts) {
			f.Project, f.Cached, f.Goal, f.Sums = &Project{Contains: "corp.example"}, nil, "", nil
			f.Proxies[0].List = Reply{Status: 404, Error: "x"}
			f.Repository = Repository{Subdir: "lib", Tags: []Tag{{"v1.1.0", "c1"}}}
		}, "version", finding.OK, "gocache doctor corp.example", "a package in it"},
		"a module below another": {func(f *Facts) { f.Project = &Project{Contains: "corp.example"} }, "version", finding.OK,
			"go get corp.example/lib@v1.1.0", "nothing in this project needs the module yet"},
	} {
		t.Run(name, func(t *testing.T) {
			f := well()
			c.change(f)
			list, remedy := Judge(f)
			if remedy.Command != c.command || !strings.Contains(remedy.Advice, c.reason) {
				t.Errorf("advice %q: %s\nwant %q: %s", remedy.Command, remedy.Advice, c.command, c.reason)
			}
			findingtest.Pasteable(t, finding.Finding{Check: name, Remedy: remedy})
			worst := finding.OK
			found := false
			for _, one := range list {
				if one.Check == c.check {
					worst, found = max(worst, one.Status), true
				}
			}
			if !found || worst != c.status {
				t.Errorf("%s is %v (%v), want %v: %v", c.check, worst, found, c.status, list)
			}
			if c.status == finding.OK && list.Worst() != finding.OK {
				t.Errorf("a false alarm: %v", list)
			}
		})
	}
}

// TestNoModules: in GOPATH mode a go.mod may well be there.
func TestNoModules(t *testing.T) {
	f := judgeVersion(&Facts{NoModules: true})[0]
	if f.Status != finding.Warn || !strings.Contains(f.Evidence, "reads no go.mod") || f.Remedy.Command == "" {
		t.Errorf("%+v", f)
	}
	if f := judgeVersion(&Facts{})[0]; f.Status != finding.OK || !strings.Contains(f.Evidence, "there is no go.mod here") {
		t.Errorf("%+v", f)
	}
}

func TestParseTarget(t *testing.T) {
	for arg, want := range map[string]string{
		"golang.org/x/mod": "golang.org/x/mod@latest", "golang.org/x/mod@v0.20.0": "golang.org/x/mod@v0.20.0",
		"a.example/b@>=v1.2": "a.example/b@>=v1.2", "a.example/b@feature/x": "a.example/b@feature/x",
		"": "", "./x": "", "a.example/b@": "", "a.example/b@none": "", "a.example/b@-x": "", "a.example/b@a b": "", "mod": "", "a.example/b@c@d": "",
		"a.example/b@>": "", "a.example/b@<=": "", "a.example/b@>=main": "", "a.example/b@=v1.0.0": "", "a.example/b@<>v1.0.0": "", "a.example/b@<v1.2.0": "a.example/b@<v1.2.0",
	} {
		got, err := ParseTarget(arg)
		if err != nil && !usage.Is(err) || (err == nil) != (want != "") || err == nil && got.String() != want {
			t.Errorf("%q: %v, %v", arg, got, err)
		}
	}
}

func TestRoute(t *testing.T) {
	file := map[string]string{"GOPRIVATE": FromFile, "GOVCS": FromFile}
	for _, c := range []struct {
		s    Settings
		want string // direct, noSum, noGit, elements
	}{
		{Settings{GOPROXY: "https://a,direct,https://b"}, "||| https://a direct"},
		{Settings{GOPROXY: "https://a|off", GOSUMDB: "off"}, "|GOSUMDB=off (default)|| https://a off"},
		{Settings{GOPROXY: "https://a", GOPRIVATE: "corp.example", GONOPROXY: "corp.example", GONOSUMDB: "corp.example", Source: file},
			"GOPRIVATE=corp.example (go env -w)|GOPRIVATE=corp.example (go env -w)|| direct"},
		{Settings{GOPROXY: "https://a", GOPRIVATE: "*.example", GONOPROXY: "none", GONOSUMDB: "*.example", Source: map[string]string{"GONOPROXY": FromEnvironment, "GOPRIVATE": FromFile}},
			"|GOPRIVATE=*.example (go env -w)|| https://a"},
		{Settings{GOPROXY: "direct", GOVCS: "other.example:off,public:hg", Source: file}, "||GOVCS=public:hg (go env -w)| direct"},
		{Settings{GOPROXY: "direct", GOVCS: "corp.example:git,*:off"}, "||| direct"},
		{Settings{GOPROXY: "direct", GOVCS: "private:all,public:git|hg"}, "||| direct"},
	} {
		r := RouteOf(c.s, lib)
		got := r.Direct + "|" + r.NoSum + "|" + r.NoGit + "|"
		for _, e := range r.elements {
			got += " " + e.Name
		}
		if got != c.want {
			t.Errorf("%+v:\n%s, want\n%s", c.s, got, c.want)
		}
	}
	for path, want := range map[string]string{
		"github.com/corp/a/v2": "github.com/corp", "github.com/corp": "github.com/corp", "git.corp.example/a/b": "git.corp.example",
	} {
		if got := privatePattern(path); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

func TestGoal(t *testing.T) {
	f := well()
	f.Repository.Versions = []string{"v1.0.0", "v1.0.5", "v1.1.0", "v1.2.0-rc.1", "v1.3.0", "v1.4.0", "v2.0.0+incompatible"}
	f.Project.Selected = "v1.0.0"
	f.Project.Excludes = []Directive{{Version: "v1.4.0"}}
	f.Newest.Retract = []Retraction{{Low: "v1.3.0", High: "v1.3.9"}}
	for query, want := range map[string]string{
		"latest": "v1.1.0", "upgrade": "v1.1.0", "patch": "v1.0.5", "v1": "v1.1.0", "v1.0": "v1.0.5", "<v1.1.0": "v1.0.5", ">=v1.0.1": "v1.0.5",
		"v1.3.0": "v1.3.0", "v1.9.9": "v1.9.9", "v3": "", "main": "",
	} {
		if f.Query = query; goalOf(f) != want {
			t.Errorf("%s is %q, want %q", query, goalOf(f), want)
		}
	}
}

func TestNearTags(t *testing.T) {
	tags := func(names ...string) (list []Tag) {
		for _, n := range names {
			list = append(list, Tag{Name: n})
		}
		return list
	}
	for _, c := range []struct {
		path, subdir string
		tags         []Tag
		want         string
	}{
		{lib, "", tags("v1.0.0", "v1.1", "1.2.3", "release-1.4", "nightly", "v1", "2024.01"), "v1.1:v1.1.0 1.2.3:v1.2.3 release-1.4:v1.4.0"},
		{lib, "", tags("v2.0.0", "v0.1.0", "v1.0.0-rc.1", "v1.2.3+meta"), "v2.0.0:v2.0.0(corp.example/lib/v2)"},
		{lib + "/v2", "", tags("v1.0.0", "v2.1.0", "v3.0.0"), "v1.0.0:v1.0.0(corp.example/lib) v3.0.0:v3.0.0(corp.example/lib/v3)"},
		{lib + "/sub", "sub", tags("v1.0.0", "sub/v1.0.0", "sub/1.1.0", "other/v1.0.0"), "v1.0.0:sub/v1.0.0 sub/1.1.0:sub/v1.1.0"},
	} {
		var got []string
		for _, n := range nearTags(c.path, c.subdir, c.tags) {
			text := n.Tag + ":" + n.Right
			if n.Path != "" {
				text += "(" + n.Path + ")"
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s %s: %q, want %q", c.path, c.subdir, got, c.want)
		}
	}
}

func TestDemandsOf(t *testing.T) {
	list := demandsOf([]byte(`app a@v1.0.0
app corp.example/lib@v1.0.0
app go@1.21
a@v1.0.0 b@v1.0.0
b@v1.0.0 corp.example/lib@v1.5.0
b@v1.0.0 a@v1.0.0
corp.example/lib@v1.5.0 corp.example/lib@v1.9.0
c@v1.0.0 corp.example/lib@v2.0.0
corp.example/lib@v1.0.0 corp.example/libs@v1.0.0
`), lib)
	var got []string
	for _, d := range list {
		got = append(got, d.Version+" "+strings.Join(d.Chain, ">"))
	}
	if want := []string{"v1.5.0 app>a@v1.0.0>b@v1.0.0", "v1.0.0 app"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestParseTags(t *testing.T) {
	got := parseTags([]byte("aaa\trefs/tags/v1.0.0\nbbb\trefs/tags/v1.1.0\nccc\trefs/tags/v1.1.0^{}\nddd\trefs/heads/main\n"))
	if want := []Tag{{"v1.0.0", "aaa"}, {"v1.1.0", "ccc"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestSecrets: credentials in GOPROXY are used and never shown.
func TestSecrets(t *testing.T) {
	s := Settings{GOPROXY: "https://user:secret-password@p.example|https://token:more-secret@%zz"}
	list, askers := newAskers(RouteOf(s, lib), lib, &Options{Login: func(string) *url.Userinfo { return nil }})
	for _, p := range list {
		if strings.Contains(p.Name+p.List.Error, "secret") {
			t.Errorf("%s: %s", p.Name, p.List.Error)
		}
	}
	if askers[0].base.User == nil || askers[1] != nil {
		t.Error("they are not used")
	}
}

func TestAges(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct {
		h           http.Header
		age, maxAge time.Duration
	}{
		{http.Header{}, -1, 0},
		{http.Header{"Age": {"90"}, "Cache-Control": {"public, max-age=600"}}, 90 * time.Second, 10 * time.Minute},
		{http.Header{"Last-Modified": {now.Add(-time.Hour).Format(http.TimeFormat)}}, time.Hour, 0},
		{http.Header{"Age": {"x"}, "Cache-Control": {"no-store"}}, -1, 0},
	} {
		if age, maxAge := ageOf(c.h, now), maxAgeOf(c.h); age != c.age || maxAge != c.maxAge {
			t.Errorf("%v: %v, %v", c.h, age, maxAge)
		}
	}
	for d, want := range map[time.Duration]string{-time.Minute: "0 s", 59 * time.Second: "59 s", 5 * time.Minute: "5 min", 3 * time.Hour: "3 h", 72 * time.Hour: "3 days"} {
		if got := ago(d); got != want {
			t.Errorf("%v: %s", d, got)
		}
	}
}
