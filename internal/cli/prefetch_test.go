package cli

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestWantedModules: what several go.sum files say of a version is put together.
func TestWantedModules(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	a := write("a.sum", "example.com/a v1.0.0 h1:A=\nexample.com/a v1.0.0/go.mod h1:M=\n")
	b := write("b.sum", "example.com/a v1.0.0/go.mod h1:M=\nexample.com/b v1.0.0/go.mod h1:N=\n")
	other := write("other.sum", "example.com/a v1.0.0 h1:B=\n")
	want := []wantedModule{
		{path: "example.com/a", query: "v1.0.0", sum: "h1:A=", modSum: "h1:M="},
		{path: "example.com/b", query: "v1.0.0", modSum: "h1:N=", modOnly: true},
	}
	for _, args := range [][]string{{a, b}, {b, a}, {a, b, a}} {
		if got, err := wantedModules(args); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v", args, got, err)
		}
	}
	if got, err := wantedModules([]string{a, other}); err == nil {
		t.Errorf("two hashes: %+v", got)
	}
}

// TestFindLogin: credentials of a host in a .netrc file.
func TestFindLogin(t *testing.T) {
	const text = "machine a.example login x password secret\nmachine b.example\n  login y\n  password p\nmachine c.example login z\n"
	for host, want := range map[string]string{"a.example": "x:secret", "b.example": "y:p", "c.example": "z:", "d.example": ""} {
		got := ""
		if u := findLogin(text, host); u != nil {
			got = u.String()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}
