package cli

import (
	"strings"
	"testing"
)

func TestOtherwise(t *testing.T) {
	for _, c := range []struct{ command, flag, want, name string }{
		{"build ./...", "-race", "build -race ./...", "-race"},
		{"test -race ./...", "-race", "test ./...", "no -race"},
		{"test --race=true ./...", "-race", "test ./...", "no -race=true"},
		{"build -tags foo,bar ./...", "-tags", "build ./...", "no -tags foo,bar"},
		{"build -v --tags=foo ./...", "-tags", "build -v ./...", "no -tags=foo"},
		{"build ./...", "-tags", "", ""},
		{"build -tags", "-tags", "", ""},
		{"build -ldflags -s ./...", "-ldflags", "build ./...", "no -ldflags -s"},
		{"build --gcflags=-N ./...", "-gcflags", "build ./...", "no -gcflags=-N"},
		{"build ./...", "-ldflags", "", ""},
		{"vet ./...", "-cover", "", ""},
		{"vet -cover ./...", "-cover", "vet ./...", "no -cover"},
	} {
		with, name, ok := otherwise(strings.Fields(c.command), c.flag)
		if got := strings.Join(with, " "); got != c.want || name != c.name || ok != (c.want != "") {
			t.Errorf("%s, %s: %q, %q, %v", c.command, c.flag, got, name, ok)
		}
	}
}

func TestTestFlags(t *testing.T) {
	for command, want := range map[string]string{
		"test ./...": "", "test -v -race ./...": "-v", "test -run X --short ./a": "-run X --short", "test -test.run=X ./v": "-test.run=X", "test -run": "-run",
		"build -v ./...": "",
	} {
		m := miss{command: strings.Fields(command)}
		if got := strings.Join(m.testFlags(), " "); got != want {
			t.Errorf("%s: %q", command, got)
		}
	}
}

// TestMayRun: the go command may ask all tools for their versions, also the C compiler: cgo
// packages are made of that.
func TestMayRun(t *testing.T) {
	for args, want := range map[string]bool{
		"/go/compile -V=full": true, "/go/compile -o x _testmain.go": true, "/go/compile -o x a.go": false, "/go/link x": false,
		"gcc -### -x c -c -": true, "gcc -c a.c": false,
	} {
		if mayRun(strings.Fields(args)) != want {
			t.Errorf("%s: %v", args, !want)
		}
	}
}

// TestComplaints: what is wrong is kept, with the command that mends it, and what would be done is
// not.
func TestComplaints(t *testing.T) {
	for stderr, want := range map[string]string{
		"mkdir -p $WORK/b1\ngo: updates to go.mod needed; to update it:\n\tgo mod tidy\ncd /p\n": "go: updates to go.mod needed; to update it:\n\tgo mod tidy",
		"cd /p\na/a.go:3:1: syntax error\nrm -r x":                                               "a/a.go:3:1: syntax error",
		"one\ntwo\nthree\nfour\n":                                                                "two\nthree\nfour",
	} {
		if got := complaints(stderr); got != want {
			t.Errorf("%q: %q", stderr, got)
		}
	}
}
