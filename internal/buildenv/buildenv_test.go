package buildenv

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

func sample() Env {
	return Env{
		Directory: "/src/p", GOROOT: "/go", GOMODCACHE: "/mod",
		Vars:     map[string]string{"GOAMD64": "v1", "CGO_ENABLED": "1", "CC": "gcc", "GOEXPERIMENT": ""},
		Compiler: "gcc version 14.2.0",
	}
}

// TestDiffering changes one part at a time.
func TestDiffering(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Env)
		want   []string
	}{
		"nothing":                {func(e *Env) {}, nil},
		"directory":              {func(e *Env) { e.Directory = "/other/p" }, []string{"directory"}},
		"GOROOT":                 {func(e *Env) { e.GOROOT = "/usr/lib/go" }, []string{"GOROOT"}},
		"GOROOT unknown":         {func(e *Env) { e.GOROOT = "" }, nil},
		"GOMODCACHE":             {func(e *Env) { e.GOMODCACHE = "/m" }, []string{"GOMODCACHE"}},
		"level":                  {func(e *Env) { e.Vars["GOAMD64"] = "v3" }, []string{"GOAMD64"}},
		"experiment":             {func(e *Env) { e.Vars["GOEXPERIMENT"] = "jsonv2" }, []string{"GOEXPERIMENT"}},
		"compiler":               {func(e *Env) { e.Compiler = "gcc version 15.1.0" }, []string{"C compiler"}},
		"compiler unknown":       {func(e *Env) { e.Compiler = "" }, nil},
		"no cgo":                 {func(e *Env) { e.Vars["CGO_ENABLED"] = "0" }, []string{"CGO_ENABLED"}},
		"race":                   {func(e *Env) { e.GOFLAGS = "-race" }, []string{"GOFLAGS"}},
		"flags that are silent":  {func(e *Env) { e.GOFLAGS = "-mod=mod -v -buildvcs=false --timeout=3m '-run=a b' '-ldflags=-X main.x=y'" }, nil},
		"a flag that is off":     {func(e *Env) { e.GOFLAGS = "-race=false" }, nil},
		"an unknown flag":        {func(e *Env) { e.GOFLAGS = "-new=1" }, []string{"GOFLAGS"}},
		"trimpath":               {func(e *Env) { e.GOFLAGS, e.Directory, e.GOROOT, e.GOMODCACHE = "-trimpath", "/a", "/b", "/c" }, []string{"GOFLAGS"}},
		"unrelated to the build": {func(e *Env) { e.Vars["GOPROXY"] = "off" }, nil},
	} {
		now := sample()
		c.change(&now)
		if got := Differing(Hashes(now), []map[string]string{Hashes(sample())}); !slices.Equal(got, c.want) {
			t.Errorf("%s: differing %q, want %q", name, got, c.want)
		}
	}
}

// TestMostSimilar: if a snapshot has entries of several jobs, this job is compared with the most
// similar one.
func TestMostSimilar(t *testing.T) {
	other, third := sample(), sample()
	other.Directory, other.GOFLAGS, third.GOMODCACHE = "/x", "-race", "/x"
	list := []map[string]string{Hashes(other), Hashes(third)}
	if got := Differing(Hashes(sample()), list); !slices.Equal(got, []string{"GOMODCACHE"}) {
		t.Errorf("differing %q", got)
	}
	if got := Differing(Hashes(sample()), append(list, Hashes(sample()))); got != nil {
		t.Errorf("differing %q from a list with the same", got)
	}
	trimmed := sample()
	trimmed.GOFLAGS = "-trimpath"
	if got := Differing(Hashes(sample()), []map[string]string{Hashes(trimmed), Hashes(third)}); !slices.Equal(got, []string{"GOMODCACHE"}) {
		t.Errorf("differing %q, where one of them has -trimpath", got)
	}
	if got := Differing(Hashes(sample()), nil); got != nil {
		t.Errorf("differing %q from nothing", got)
	}
}

// TestSpelling: settings that mean the same to the go command have the same hash.
func TestSpelling(t *testing.T) {
	a, b := sample(), sample()
	a.GOFLAGS, b.GOFLAGS = "-tags=x -race -mod=vendor", "'--race=true' -tags=x"
	if !maps.Equal(Hashes(a), Hashes(b)) {
		t.Error("the same flags have two hashes")
	}
	a.GOFLAGS, b.GOFLAGS = "-gcflags=a=-N -gcflags=b=-l", "-gcflags=b=-l -gcflags=a=-N"
	if maps.Equal(Hashes(a), Hashes(b)) {
		t.Error("flags of which the last one counts have the same hash in another order")
	}
}

// TestHashesTellNothing: what is stored does not contain directories of the machine.
func TestHashesTellNothing(t *testing.T) {
	for name, h := range Hashes(sample()) {
		if len(h) != 16 || strings.Trim(h, "0123456789abcdef") != "" {
			t.Errorf("%s: %q is not a hash", name, h)
		}
	}
}

func TestExplain(t *testing.T) {
	for want, names := range map[string][]string{
		"another checkout directory": {"directory"},
		"value of GOAMD64, GOFLAGS":  {"GOAMD64", "GOFLAGS"},
		"-trimpath":                  {"GOMODCACHE"},
		"linked again":               {"GOROOT"},
		"C compiler":                 {"C compiler"},
	} {
		if got := Explain(names); !strings.Contains(got, want) {
			t.Errorf("Explain(%q) = %s", names, got)
		}
	}
	if got := Explain([]string{"GOMODCACHE", "GOROOT", "directory"}); strings.Count(got, "-trimpath") != 1 {
		t.Errorf("the remedy is given more than once: %s", got)
	}
}

func TestCompilerVersion(t *testing.T) {
	const gcc = "Using built-in specs.\nConfigured with: ../src/configure --with-pkgversion=version 9\nThread model: posix\ngcc version 14.2.0 (Debian 14.2.0-19) \n"
	for printed, want := range map[string]string{
		gcc: "gcc version 14.2.0 (Debian 14.2.0-19)",
		"Apple clang version 15.0.0 (clang-1500.3.9.4)\nTarget: x": "Apple clang version 15.0.0 (clang-1500.3.9.4)",
		"cc version unknown": "", "version": "", "": "",
	} {
		if got := CompilerVersion(printed); got != want {
			t.Errorf("CompilerVersion(%q) = %q, want %q", printed, got, want)
		}
	}
}

func TestSetting(t *testing.T) {
	file := []byte("# by go env -w\nCGO_CFLAGS=-g -O1\nXCGO_LDFLAGS=x\nPKG_CONFIG=a=b\nPKG_CONFIG=c=d")
	getenv := func(name string) string { return map[string]string{"CGO_CXXFLAGS": "-O3"}[name] }
	for name, want := range map[string]string{"CGO_CFLAGS": "-g -O1", "CGO_CXXFLAGS": "-O3", "CGO_LDFLAGS": "", "PKG_CONFIG": "c=d"} {
		if got := Setting(name, getenv, file); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
