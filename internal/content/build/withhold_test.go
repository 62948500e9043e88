package build

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect/collecttest"
	"github.com/org/gocache-action/internal/stdtest"
)

// TestContains: paths are found wherever they lie, also across the windows of the search, and
// whatever stands beside them.
func TestContains(t *testing.T) {
	paths := []string{"corp.example.com/secret", "corp.example.com/!upper"}
	for _, at := range []int{0, 1, searchWindow - 30, searchWindow - 10, searchWindow, searchWindow + 24, 2*searchWindow + 5, 3*searchWindow - 23} {
		for text, want := range map[string]bool{
			"corp.example.com/secret":                         true,
			"corp.example.com/secret/sub\x00":                 true,
			"corp.example.com/secret@v1.0.0/a.go":             true,
			"\"corp.example.com/secret\"":                     true,
			"corp.example.com/secret.func1":                   true,
			"corp.example.com/!upper@v1":                      true,
			"corp.example.com/secretkeysgolang.org/x/text":    true, // a table of strings
			"corp.example.com/secre":                          false,
			"corp.example.com/secre corp.example.com/secret ": true,
			"corp.example.com/sub/secret":                     false,
		} {
			data := append(bytes.Repeat([]byte("."), at), text...)
			for _, tail := range []int{0, 1, searchWindow} {
				all := append(bytes.Clone(data), bytes.Repeat([]byte(" "), tail)...)
				got, err := contains(iotest.HalfReader(bytes.NewReader(all)), paths, nil)
				if err != nil || got != want {
					t.Errorf("%q at %d, %d bytes behind: %t, %v", text, at, tail, got, err)
				}
			}
		}
	}
	if _, err := contains(iotest.ErrReader(bytes.ErrTooLarge), paths, nil); err == nil {
		t.Error("an output that cannot be read mentions nothing")
	}
	if got, err := contains(strings.NewReader("corp"), paths, nil); got || err != nil {
		t.Errorf("a short output: %t, %v", got, err)
	}
}

// TestMentionsOfImporter: what a real compiler makes of a package that takes no more than a
// constant of a private module has the path of that module only in tables, where the next string
// follows at once.
func TestMentionsOfImporter(t *testing.T) {
	const private, secret = "git.corp.example/secret/keys.git", "correct horse battery staple"
	dir, cache := t.TempDir(), t.TempDir()
	if err := stdtest.Fill(cache); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"go.mod":      "module example.com/public\n\ngo 1.21\n\nrequire " + private + " v1.0.0\n\nreplace " + private + " => ./keys\n",
		"a.go":        "package public\n\nimport (\n\tkeys \"" + private + "\"\n\t\"strings\"\n)\n\nvar K = strings.ToUpper(keys.Secret)\n",
		"keys/go.mod": "module " + private + "\n\ngo 1.21\n",
		"keys/k.go":   "package keys\n\nconst Secret = \"" + secret + "\"\n",
	} {
		collecttest.Write(t, filepath.Join(dir, filepath.FromSlash(name)), text)
	}
	cmd := exec.CommandContext(t.Context(), "go", "build", "./...")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOCACHE="+cache, "GOFLAGS=", "GOPROXY=off", "GOWORK=off", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	inv, err := buildcache.Open(cache).Scan(t.Context(), buildcache.ScanOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	s := &scanner{cache: buildcache.Open(cache), ScanOptions: ScanOptions{Mentions: []string{private}}}
	for _, e := range inv.Entries {
		o, _ := inv.Output(e.Output)
		if !strings.Contains(read(t, s, o), secret) {
			continue
		}
		found++
		if mentions, err := s.has(o, s.Mentions); err != nil || !mentions {
			t.Errorf("an output with the secret would be saved, %v", err)
		}
	}
	if found < 2 { // the importer, and the module itself
		t.Errorf("%d outputs have the secret", found)
	}
}

func read(t *testing.T, s *scanner, o buildcache.Output) string {
	t.Helper()
	in, err := s.cache.OpenOutput(o)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(in); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
