package upstream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/module"
)

// TestParse: lists as the go command reads them.
func TestParse(t *testing.T) {
	for list, want := range map[string]string{
		"https://a.example,direct":          "https://a.example, direct,",
		"https://a.example|https://b/x|off": "https://a.example| https://b/x| off,",
		" https://a.example , off ,x":       "https://a.example, off,",
		"direct|https://a.example":          "direct|",
		"http://localhost:3000":             "http://localhost:3000,",
	} {
		got, err := Parse(list)
		var text []string
		for _, e := range got {
			text = append(text, e.Name+map[bool]string{true: "|", false: ","}[e.FallBack])
		}
		if err != nil || strings.Join(text, " ") != want {
			t.Errorf("%q: %q, %v", list, text, err)
		}
	}
	for _, list := range []string{"", ",", "a.example", "file:///x", "https://", "https://a/?x=1", "https://a/#x", "ftp://a", "http://user:secret@%zz"} {
		if got, err := Parse(list); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, %v", list, got, err)
		}
	}
}

// fake answers with an error, or with its name.
type fake struct {
	name  string
	err   error
	asked *[]string
}

func (f fake) answer() ([]byte, error) {
	*f.asked = append(*f.asked, f.name)
	return []byte(f.name), f.err
}
func (f fake) List(context.Context, string) ([]byte, error)         { return f.answer() }
func (f fake) Latest(context.Context, string) ([]byte, error)       { return f.answer() }
func (f fake) Info(context.Context, string, string) ([]byte, error) { return f.answer() }
func (f fake) Mod(context.Context, module.Version) ([]byte, error)  { return f.answer() }
func (f fake) Zip(context.Context, module.Version, Spool) error     { _, err := f.answer(); return err }
func (f fake) String() string                                       { return f.name }

// TestChain: who is asked, and what the answer of all is.
func TestChain(t *testing.T) {
	fails := map[string]error{
		"ok": nil, "absent": &Error{Kind: Absent}, "forbidden": &Error{Kind: Forbidden}, "outage": &Error{Kind: Outage}, "other": errors.New("x"),
	}
	for _, c := range []struct{ chain, asked, want string }{
		{"ok,ok", "ok", "ok"},
		{"absent,ok", "absent ok", "ok"},
		{"absent,absent", "absent absent", "absent"},
		{"outage,ok", "outage", "outage"},
		{"forbidden,ok", "forbidden", "forbidden"},
		{"other,ok", "other", "outage"},
		{"outage|ok", "outage ok", "ok"},
		{"forbidden|ok", "forbidden ok", "ok"},
		{"outage|absent", "outage absent", "outage"}, // what the first could not say may exist
		{"absent|outage", "absent outage", "outage"},
		{"forbidden|outage", "forbidden outage", "forbidden"},
		{"absent,outage|ok", "absent outage ok", "ok"},
		{"absent|outage,ok", "absent outage", "outage"},
		{"", "", "absent"},
	} {
		var chain Chain
		var asked []string
		for _, part := range strings.SplitAfter(c.chain, ",") {
			for _, one := range strings.SplitAfter(part, "|") {
				name := strings.TrimRight(one, ",|")
				if name != "" {
					chain = append(chain, Link{fake{name, fails[name], &asked}, strings.HasSuffix(one, "|")})
				}
			}
		}
		_, err := chain.Info(t.Context(), "x", "v1.0.0")
		got := "ok"
		if err != nil {
			got = [...]string{"outage", "absent", "forbidden"}[KindOf(err)]
		}
		if got != c.want || strings.Join(asked, " ") != c.asked {
			t.Errorf("%s: %s after %q, want %s after %q", c.chain, got, asked, c.want, c.asked)
		}
	}
}

// TestKindOfText: errors of go commands, as they were seen.
func TestKindOfText(t *testing.T) {
	for text, want := range map[string]Kind{
		`go: github.com/org/x@v1.9.9: invalid version: unknown revision v1.9.9`:                                                                  Absent,
		`go: module example.com/x: no matching versions for query "latest"`:                                                                      Absent,
		`unrecognized import path "example.org/x": reading https://example.org/x?go-get=1: 404 Not Found`:                                        Absent,
		`unrecognized import path "x.example/y": https fetch: Get "https://x.example/y?go-get=1": dial tcp: lookup x.example: no such host`:      Outage,
		`unrecognized import path "x.example/y": https fetch: Get "https://x.example/y?go-get=1": net/http: TLS handshake timeout`:               Outage,
		`git ls-remote -q origin in /x: exit status 128: fatal: unable to access 'https://github.com/x/y/': Could not resolve host: github.com`:  Outage,
		`git ls-remote -q origin in /x: exit status 128: fatal: could not read Username for 'https://github.com': terminal prompts disabled`:     Forbidden,
		`git ls-remote -q origin: exit status 128: git@github.com: Permission denied (publickey). fatal: Could not read from remote repository.`: Forbidden,
		`git fetch -f origin: exit status 128: error: RPC failed; fatal: the remote end hung up unexpectedly`:                                    Outage,
		`github.com/x/y@v1.0.0: parsing go.mod: module declares its path as: example.com/z but was required as: github.com/x/y`:                  Absent,
		`something that nobody has seen`: Outage,
	} {
		if got := kindOfText(errors.New(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
	if got := kindOfText(fmt.Errorf("not found: %w", context.DeadlineExceeded)); got != Outage {
		t.Errorf("a timeout: %v", got)
	}
}

// TestSandboxEnv: what passes from the process to its go commands, and what does not.
func TestSandboxEnv(t *testing.T) {
	env := sandboxEnv(DirectOptions{Dir: "/sandbox", Env: []string{
		"PATH=/bin", "HOME=/home/user", "AWS_SECRET_ACCESS_KEY=x", "GOPROXY=https://x", "GOFLAGS=-mod=mod", "GIT_DIR=/x", "GIT_SSH_COMMAND=ssh",
		"GOCACHE_ACTION_STORE=x", "GOAUTH=git dir", "NETRC=/home/user/.netrc", "GOTOOLCHAIN=go1.99",
	}})
	for _, want := range []string{"PATH=/bin", "GIT_SSH_COMMAND=ssh", "GOAUTH=git dir", "GOPROXY=direct", "GOTOOLCHAIN=local", "GIT_TERMINAL_PROMPT=0"} {
		if !slices.Contains(env, want) {
			t.Errorf("no %s", want)
		}
	}
	for _, v := range env {
		for _, not := range []string{"AWS_", "/home/user", "GIT_DIR", "GOCACHE_ACTION", "go1.99", "-mod=mod", "https://x"} {
			if strings.Contains(v, not) {
				t.Errorf("%s passes", v)
			}
		}
	}
}

// TestCleanList: lists of versions, and what is none.
func TestCleanList(t *testing.T) {
	got, err := CleanList([]byte("v1.0.0\nv1.1.0 2024-01-02\n\nmain\nv2.0.0+incompatible\r\n"))
	if err != nil || string(got) != "v1.0.0\nv1.1.0\nv2.0.0+incompatible\n" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := CleanList(nil); err != nil || len(got) != 0 {
		t.Errorf("empty: %q, %v", got, err)
	}
	if _, err := CleanList([]byte("<html>\n")); err == nil {
		t.Error("a page is a list")
	}
}
