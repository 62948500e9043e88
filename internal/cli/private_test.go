package cli

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/keys"
)

// TestPrivateModules: the paths that object files have of private modules, whichever file says so.
func TestPrivateModules(t *testing.T) {
	root := filepath.Join(t.TempDir(), "project")
	for name, text := range map[string]string{
		"go.mod": "module corp.example.com/tool\n\nreplace example.com/public => corp.example.com/fork v1.0.0\n\nreplace example.com/local => ./x\n\n" +
			"replace corp.example.com/second => ../second\n\nreplace corp.example.com/inside => ./inside\n\nreplace corp.example.com/checkout => ./checkout/sub\n\n" +
			"replace corp.example.com/moved => example.com/public v1.0.0\n",
		"checkout/.git/HEAD": "ref: refs/heads/main\n",
		"../other/go.mod":    "module corp.example.com/other\n",
		"go.work":            "go 1.24\n\nuse ./sub\n\nuse ../other\n\nreplace example.com/work => corp.example.com/fork v1.0.0\n",
		"sub/go.mod":         "module corp.example.com/sub\n\nreplace example.com/sub v1.0.0 => corp.example.com/fork v1.0.0\n",
		"else/go.mod":        "module corp.example.com/else\n\nreplace example.com/else => corp.example.com/fork v1.0.0\n",
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p := &project{
		env: goEnv{GOPRIVATE: "corp.example.com", GOMOD: filepath.Join(root, "go.mod"), GOWORK: filepath.Join(root, "go.work")},
		key: keys.Plan{Sums: keys.Sums{Zip: map[module.Version]string{
			{Path: "corp.example.com/Fork", Version: "v1.0.0"}:   "h1:x",
			{Path: "corp.example.com/fork", Version: "v1.0.0"}:   "h1:x",
			{Path: "corp.example.com/fork", Version: "v1.1.0"}:   "h1:x",
			{Path: "example.com/public", Version: "v1.0.0"}:      "h1:x",
			{Path: "other.example.com/thing", Version: "v1.0.0"}: "h1:x",
		}}},
	}
	want := []string{
		"corp.example.com/Fork", "corp.example.com/checkout", "corp.example.com/fork", "corp.example.com/moved", "corp.example.com/other", "corp.example.com/second",
		"example.com/public", "example.com/sub", "example.com/work",
	}
	if got := p.privateModules(); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if p.env.GOPRIVATE = ""; p.privateModules() != nil {
		t.Error("without patterns some modules are private")
	}
}

// TestWithhold: of which jobs private modules stay out of the cache.
func TestWithhold(t *testing.T) {
	event := func(text string) string {
		file := filepath.Join(t.TempDir(), "event.json")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return file
	}
	public, private := event(`{"repository": {"private": false}}`), event(`{"repository": {"private": true}}`)
	for name, c := range map[string]struct {
		cfg   config.Config
		event string
		want  bool
	}{
		"public":           {config.Config{Store: "actions"}, public, true},
		"by itself":        {config.Config{}, public, true},
		"not known":        {config.Config{Store: "actions://"}, "", true},
		"private":          {config.Config{Store: "actions"}, private, false},
		"asked for":        {config.Config{Store: "actions", SavePrivate: true}, public, false},
		"in a bucket":      {config.Config{Store: "s3://b"}, public, false},
		"in a directory":   {config.Config{Store: "/x"}, public, false},
		"private, asked":   {config.Config{SavePrivate: true}, private, false},
		"private, by self": {config.Config{}, private, false},
	} {
		env := map[string]string{"GITHUB_ACTIONS": "true", "ACTIONS_RESULTS_URL": "http://127.0.0.1/", "ACTIONS_RUNTIME_TOKEN": "a.b.c", "GITHUB_EVENT_PATH": c.event}
		r := &run{cfg: &c.cfg, env: func(name string) string { return env[name] }}
		if got := withhold(r, &project{}); (got != nil) != c.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}
