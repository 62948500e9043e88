package goentry

import (
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/digest"
)

func TestKindOf(t *testing.T) {
	for content, want := range map[string]Kind{
		"!<arch>\n__.PKGDEF\x00stat 1":            KindPackage,
		"go index v2\nx":                          KindIndex,
		"# test log\nopen x\n":                    KindTestLog,
		"mode: set\na.go:1.1,2.2 1 1\n":           KindProfile,
		"ok  \texample.com/p\t0.1s\n":             KindResult,
		"PASS\nok  \texample.com/p\t0.1s\n":       KindResult,
		"=== RUN\nok  \texample.com/p\t0.1s\n":    KindResult,
		"PASS\n":                                  KindOther, // output of another program
		"ok  \texample.com/p\t0.1s\nand more\n":   KindOther,
		"ok  \texample.com/p\t0.1s":               KindOther,
		"/usr/bin/cc\x00stat 1 2 3 false\x00\x01": KindCompiler,
		"\x00stat 1":                              KindOther,
		"\r\xff\x81\x02\x01\x02\xff\x82\x00\x01\xff\x80\x00\x004\x7f\x03\x01\x01\x07gobFact\x01\xff": KindVet,
		"two\nlines\x00stat 1":       KindOther,
		"":                           KindOther,
		strings.Repeat("x", Sniffed): KindOther,
		"package p\n\nconst s = \"ok  \\texample.com\"\n": KindOther,
	} {
		if got := KindOf([]byte(content), []byte(content)); got != want {
			t.Errorf("%q is a %s, want %s", content[:min(len(content), 40)], got, want)
		}
	}
}

// TestResultWithoutFiles: lines that the go command does not write never lead to a result that
// counts as proven.
func TestResultWithoutFiles(t *testing.T) {
	getenv := func(name string) (string, bool) { return "v", name == "SET" }
	id := func(log string) digest.ID {
		r, ok := ResultWithoutFiles("go1.26.0", digest.ID{1}, []byte(log), getenv)
		if !ok {
			t.Errorf("%q names no result", log)
		}
		return r
	}
	none := id(logMagic)
	if id(logMagic+"open /etc/passwd\nstat x\n") != none {
		t.Error("files matter, although the result may depend on none")
	}
	if id(logMagic+"getenv SET\n") == none || id(logMagic+"getenv SET\n") == id(logMagic+"getenv UNSET\n") {
		t.Error("variables do not matter")
	}
	for _, log := range []string{"", "getenv SET\n", logMagic + "chdir /\n", logMagic + "new line\n"} {
		if _, ok := ResultWithoutFiles("go1.26.0", digest.ID{1}, []byte(log), getenv); ok {
			t.Errorf("%q names a result", log)
		}
	}
}
