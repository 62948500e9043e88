package doctor

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/org/gocache-action/internal/finding"
)

const plainMod = "module example.com/m\n\ngo 1.24\n"

// TestGo: a GOROOT of another version is found, with the real go command.
func TestGo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": plainMod})
	want(t, w.check("go"), "ok go1.")
	f := w.facts()
	other := filepath.Join(w.root, "oldgo")
	w.write(other, map[string]string{"VERSION": "go1.20.3\ntime 2023-04-01T00:00:00Z\n"})
	w.env["GOROOT"], f.Env["GOROOT"] = other, other // the real command does not even start with it
	want(t, runCheck(t, f, "go"), "fail which has go1.20.3")
	w.env["GOROOT"], f.Env["GOROOT"] = w.dir, w.dir // with which it does start
	want(t, runCheck(t, f, "go"), "fail where no Go is")
	want(t, runCheck(t, f, "go"), "fail "+finding.Unset("GOROOT"))
}

func TestToolchain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": "module example.com/m\n\ngo 1.99\n"})
	want(t, w.check("toolchain"), "fail asks for go1.99, and GOTOOLCHAIN=local")
	w.env["GOTOOLCHAIN"] = "auto"
	want(t, w.check("toolchain"), "fail GOPROXY=off forbids")
	f := w.facts()
	zip := func(name string) string { return "/golang.org/toolchain/@v/" + toolchainVersion(f, name) + ".zip" }
	has := serve(t, files{zip("go1.99.0"): "", zip("go1.24.0"): ""})
	empty, broken, page := serve(t, files{}), answers(t, 503, "x"), answers(t, 403, "x")
	for list, wanted := range map[string]string{
		has:                  "ok the next go command downloads from " + has,
		empty + "," + has:    "ok the next go command downloads from " + has,
		empty + ",off":       "fail nobody has who is in GOPROXY: go commands fail -> see on https://go.dev/dl/",
		broken + "," + has:   "ok unknown: go.mod asks for go1.99.0, which is not here, and whether it can be downloaded nobody says: " + broken + " answers 503",
		broken + "|" + has:   "ok the next go command downloads from " + has,
		broken + "|" + empty: "ok unknown: go.mod asks for go1.99.0",
		page:                 "ok unknown: go.mod asks for go1.99.0",
		"file:///mirror":     "ok unknown: go.mod asks for go1.99.0, which is not here, and whether it can be downloaded nobody says: file:///mirror is not asked",
	} {
		w.env["GOPROXY"] = list
		t.Run(list, func(t *testing.T) { want(t, w.check("toolchain"), wanted) })
	}
	w.env["GOPROXY"] = has
	tree := "toolchain@" + toolchainVersion(f, "go1.99.0")
	w.write(w.env["GOMODCACHE"], map[string]string{"golang.org/" + tree + "/VERSION": "go1.99"})
	want(t, w.check("toolchain"), "ok in the module cache")
	w.write("", map[string]string{"go.mod": plainMod})
	want(t, w.check("toolchain"), "ok GOTOOLCHAIN=auto (environment)")
	for setting, status := range map[string]string{"latest": "fail is no toolchain", "go1.20+auto": "ok downloads", "go1.99.1": "fail GOTOOLCHAIN=go1.99.1 (environment) asks for go1.99.1, which nobody has who is in GOPROXY: go commands fail -> " + finding.Unset("GOTOOLCHAIN"), "go1.99.0+auto": "ok in the module cache", "go1.98.7+path": "ok unknown", "go1.23.1": "fail keeps the go command at go1.23.1", "path": "ok"} {
		f := w.facts()
		f.Env["GOTOOLCHAIN"] = setting
		t.Run(setting, func(t *testing.T) { want(t, runCheck(t, f, "toolchain"), status) })
	}
}

func TestModuleMode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": plainMod})
	want(t, w.check("module-mode"), "ok modules, ")
	w.env["GO111MODULE"] = "off"
	want(t, w.check("module-mode"), "fail GOPATH mode and does not read")
}

func TestFlags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": plainMod})
	w.env["CGO_ENABLED"] = "0"
	for flags, wanted := range map[string][]string{
		"":                          {"ok not set"},
		"-buildvcs=false -tags=a,b": {"ok -buildvcs"},
		"-mod=mod":                  {"warn change go.mod"},
		"-modcacherw":               {"warn does not notice"},
		"-modcacherw=false":         {"ok "},
		"-mod=vendor":               {"fail go mod vendor"},
		"'-tags=a":                  {"fail unterminated"},
		"-v race":                   {`fail has "race", which is no flag`},
		"-modfile=other.mod":        {"fail does not exist"},
		"-insecure -mod=mod":        {"fail GOINSECURE", "warn -mod=mod"},
		"-mod=bla":                  {"fail -mod=bla not supported (can be"},
		"-nosuch=1":                 {"fail refuse: parsing $GOFLAGS: unknown flag -nosuch"},
		"-tags":                     {"fail refuse: "},
		"-race":                     {"fail refuse: -race requires cgo"},
		"-count=1 -json":            {"ok "}, // of some commands
	} {
		t.Run(flags, func(t *testing.T) {
			f := bare(t, map[string]string{"GOFLAGS": flags, "GOMOD": filepath.Join(w.dir, "go.mod")})
			f.Getenv = func(string) string { return flags }
			f.Dir, f.Go = w.dir, w.o.Go
			want(t, runCheck(t, f, "go-flags"), wanted...)
		})
	}
	w.env["GOFLAGS"] = "-mod=vendor" // as the go command itself says it
	want(t, w.check("go-flags"), "fail there is no directory vendor")
	w.write("", map[string]string{"vendor/modules.txt": ""})
	want(t, w.check("go-flags"), "ok -mod=vendor (environment)")
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": plainMod})
	want(t, w.check("go-env"), "ok set nothing")
	w.write(w.root, map[string]string{"env": "# mine\nGONOSUMDB=corp.example.com\nGOPROXY=https://u:secret@proxy.example.com\nnonsense\n"})
	w.env["GOPROXY"] = ""
	want(t, w.check("go-env"), "ok GONOSUMDB, GOPROXY in ")
	w.env["GOPROXY"], w.env["GONOSUMDB"] = "off", "other.example.com"
	want(t, w.check("go-env"), "warn (corp.example.com, and other.example.com)", "warn GOPROXY was written by go env -w, and the environment has another value, which wins -> ")
}

func TestWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, map[string]string{"go.mod": plainMod, "sub/go.mod": "module example.com/sub\n\ngo 1.24\n"})
	want(t, w.check("workspace"), "ok no go.work")
	above := filepath.Dir(w.dir)
	w.write(above, map[string]string{"go.work": "go 1.24\n\nuse ./project/sub\n"})
	want(t, w.check("workspace"), "fail does not use the module in")
	w.env["GOWORK"] = "off"
	want(t, w.check("workspace"), "ok GOWORK=off (environment)")
	w.env["GOWORK"] = ""
	w.write(above, map[string]string{"go.work": "go 1.24\n\nuse (\n\t./project\n\t./gone\n)\n"})
	want(t, w.check("workspace"), "fail uses ./gone, which has no go.mod")
	w.write(above, map[string]string{"go.work": "go 1.24\n\nuse ./project\n"})
	w.git(w.dir, "init", "-q")
	want(t, w.check("workspace"), "ok outside of the repository")
	w.write(above, map[string]string{"go.work": "go 1.24\n\nuse (\n"})
	f := w.facts()
	f.Env["GOWORK"] = filepath.Join(above, "go.work")
	want(t, runCheck(t, f, "workspace"), "fail cannot be read")
}

func TestPrivate(t *testing.T) {
	t.Parallel()
	const public = "https://proxy.golang.org,direct"
	for name, c := range map[string]struct {
		env    map[string]string
		wanted []string
	}{
		"none":             {nil, []string{"ok no modules are private"}},
		"private":          {map[string]string{"GOPRIVATE": "corp.example.com,*.corp.org", "GONOPROXY": "corp.example.com,*.corp.org", "GONOSUMDB": "corp.example.com,*.corp.org"}, []string{"ok corp.example.com"}},
		"part of a host":   {map[string]string{"GONOPROXY": "git.example.com/a", "GONOSUMDB": "git.example.com"}, []string{"warn its name is sent to proxy.golang.org"}},
		"own proxy":        {map[string]string{"GOPRIVATE": "corp.example.com", "GONOPROXY": "none", "GONOSUMDB": "corp.example.com", "GOPROXY": "https://proxy.example.com"}, []string{"ok private"}},
		"own, then public": {map[string]string{"GOPRIVATE": "corp.example.com", "GONOPROXY": "none", "GONOSUMDB": "corp.example.com", "GOPROXY": "https://proxy.example.com," + public}, []string{"ok private"}},
		"public proxy":     {map[string]string{"GOPRIVATE": "corp.example.com", "GONOPROXY": "none", "GONOSUMDB": "corp.example.com"}, []string{"warn go env -u GONOPROXY"}},
		"to the database":  {map[string]string{"GONOPROXY": "corp.example.com"}, []string{"warn go env -w GOPRIVATE=" + finding.Quote("corp.example.com")}},
		"no database":      {map[string]string{"GONOPROXY": "corp.example.com", "GOSUMDB": "off"}, []string{"ok "}},
		"a space":          {map[string]string{"GOPRIVATE": "a.example.com, b.example.com"}, []string{"fail go env -w GOPRIVATE=" + finding.Quote("a.example.com,b.example.com")}},
		"a URL":            {map[string]string{"GOPRIVATE": "https://git.example.com/team/"}, []string{"fail go env -w GOPRIVATE=" + finding.Quote("git.example.com/team")}},
		"malformed":        {map[string]string{"GONOSUMDB": "corp[.example.com"}, []string{"fail malformed"}},
		"all":              {map[string]string{"GOPRIVATE": "*", "GONOPROXY": "*", "GONOSUMDB": "*"}, []string{"warn is *"}},
		"covered by parts": {map[string]string{"GOPRIVATE": "corp.example.com/a", "GONOPROXY": "*.example.com", "GONOSUMDB": "*.example.com"}, []string{"ok "}},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"GOPROXY": public, "GOSUMDB": "sum.golang.org"}
			maps.Copy(env, c.env)
			want(t, runCheck(t, bare(t, env), "private"), c.wanted...)
		})
	}
	// the go command has defaults of its own
	w := newWorld(t, map[string]string{"go.mod": plainMod})
	w.env["GOPROXY"], w.env["GOPRIVATE"] = public, "corp.example.com"
	want(t, w.check("private"), "ok private: corp.example.com")
	w.env["GONOSUMDB"] = "other.example.com"
	want(t, w.check("private"), "warn corp.example.com is private, and GONOSUMDB (environment)", "warn other.example.com is private, and GONOPROXY")
}

// TestShipped: a distribution that changes the defaults of Go is named, and what helps against it.
func TestShipped(t *testing.T) {
	f := bare(t, map[string]string{"GOSUMDB": "off", "GOROOT": "/usr/lib/golang"})
	f.Shipped = map[string]string{"GOSUMDB": "off", "GOPROXY": "direct"}
	want(t, runCheck(t, f, "sumdb"), "warn GOSUMDB=off (go.env of /usr/lib/golang)")
	want(t, runCheck(t, f, "sumdb"), "warn go env -w GOSUMDB="+finding.Quote("sum.golang.org"))
	f.File = map[string]string{"GOSUMDB": "off"}
	want(t, runCheck(t, f, "sumdb"), "warn (go env -w)")
}

// TestRepaired: no pattern that matches nothing is advised again.
func TestRepaired(t *testing.T) {
	for list, want := range map[string]string{
		"[": "", "a.example,[x,b.example": "a.example,b.example", "https://a.example/x.git; b.example/": "a.example/x,b.example",
	} {
		if got := repaired(list); got != want {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}
