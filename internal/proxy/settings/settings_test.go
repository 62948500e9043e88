package settings

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/proxy/access"
)

// TestRead: a file with everything.
func TestRead(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "proxy.yaml")
	if err := os.WriteFile(name, []byte(`
private: corp.example.com
private-upstream: https://inner.example.com|direct
netrc: netrc
client-ca: /etc/ca.pem
tokens:
  - {name: ci, file: token, read: "corp.example.com/*"}
  - {name: laptop, certificate: laptop.example.com, read: corp.example.com}
modes:
  - {modules: "big.example.com/*", mode: redirect}
limits:
  list-time: 0
  absent-time: 2m
  cache-size: 1TiB
  connections: 50
  request-time: 1m
  memory: 1MiB
  direct-commands: 2
  direct-time: 30s
  direct-disk: 1GiB
`), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	const sum = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
	if len(s.Readers) != 2 || s.Readers[0].SHA256 != sum || s.Netrc != filepath.Join(dir, "netrc") || s.ClientCA != "/etc/ca.pem" {
		t.Errorf("%+v", s)
	}
	if s.Private != "corp.example.com" || s.ListTime != 0 || s.AbsentTime != 2*time.Minute || s.CacheSize != 1<<40 {
		t.Errorf("%+v", s)
	}
	if len(s.Modes) != 1 || s.Connections != 50 || s.RequestTime != time.Minute || s.Memory != 1<<20 || s.DirectCommands != 2 ||
		s.DirectTime != 30*time.Second || s.DirectDisk != 1<<30 || s.PrivateUpstream != "https://inner.example.com|direct" {
		t.Errorf("%+v", s)
	}
}

// TestPatterns: patterns can be a list, and one that matches nothing would make private modules
// public.
func TestPatterns(t *testing.T) {
	for text, want := range map[string]string{
		"private: corp.example.com/*, *.other.example.com": "corp.example.com/*, *.other.example.com",
		"private: [corp.example.com, other.example.com/x]": "corp.example.com,other.example.com/x",
		"private: \"\"": "",
	} {
		if s, err := parse([]byte(text), "."); s.Private != want || err != nil {
			t.Errorf("%s: %q, %v", text, s.Private, err)
		}
	}
	for _, text := range []string{
		`private: "[corp.example.com/*"`, "private: https://corp.example.com/*", "private: corp.example.com other.example.com",
		"private: {a: b}", `modes: [{modules: "[x", mode: none}]`, `tokens: [{name: a, sha256: "", read: "a b"}]`,
	} {
		if s, err := parse([]byte(text), "."); err == nil {
			t.Errorf("%s: no error, %+v", text, s)
		}
	}
}

// TestCheckReaders: tokens for modules that are not private protect nothing.
func TestCheckReaders(t *testing.T) {
	for _, c := range []struct {
		read, private string
		good          bool
	}{
		{"corp.example.com/*", "corp.example.com", true},
		{"corp.example.com/team", "*.example.com", true},
		{"*", "corp.example.com", true},
		{"*", "", false},
		{"corp.example.com", "", false},
		{"corp.example.com,other.example.com", "corp.example.com", false},
		{"corp.example.com", "corp.example.com/team", false},
	} {
		s := Settings{Readers: []access.Reader{{Name: "ci", Patterns: c.read}}}
		if err := s.CheckReaders(c.private); (err == nil) != c.good {
			t.Errorf("read %q, private %q: %v", c.read, c.private, err)
		}
	}
}

// TestParse: an empty file, and what makes no sense.
func TestParse(t *testing.T) {
	if s, err := parse(nil, ""); err != nil || s.Connections != Defaults().Connections {
		t.Errorf("empty: %v", err)
	}
	for text, want := range map[string]string{
		"tokns: []":                                           `unknown key "tokns"`,
		"modes: [{modules: x, mode: later}]":                  "want patterns",
		"modes: [{mode: sync}]":                               "want patterns",
		"tokens: [{name: a, read: x}]":                        "either",
		"tokens: [{name: a, certificate: b, read: x}]":        "client-ca",
		"tokens: [{name: a, file: none, sha256: x, read: x}]": "exclude",
		"tokens: [{name: a, file: none, read: x}]":            "none",
		"limits: {memory: x}":                                 "memory",
		"limits: {request-time: 0}":                           "more than 0",
		"limits: {connections: -1}":                           "connections",
	} {
		if _, err := parse([]byte(text), "."); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
