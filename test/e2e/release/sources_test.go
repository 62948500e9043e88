package release

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/org/gocache-action/test/e2e/e2etest"
)

// TestImageSources: images are built from what the command is made of, both by goreleaser, which
// copies the files that it is told to, and by hand, where .dockerignore names them.
func TestImageSources(t *testing.T) {
	const module = "github.com/org/gocache-action/"
	want := []string{"go.mod", "go.sum"}
	for _, path := range strings.Fields(output(t, "go", "list", "-deps", module+"cmd/gocache")) {
		if in, ok := strings.CutPrefix(path, module); ok {
			top, _, _ := strings.Cut(in, "/")
			want = append(want, top)
		}
	}
	want = sorted(want)

	var config struct {
		Images []struct {
			ID    string
			Files []string `yaml:"extra_files"`
		} `yaml:"dockers_v2"`
	}
	e2etest.Must(t, yaml.Unmarshal([]byte(read(t, ".goreleaser.yaml")), &config))
	if len(config.Images) != 2 {
		t.Errorf("%d images", len(config.Images))
	}
	for _, image := range config.Images {
		if got := sorted(image.Files); !slices.Equal(got, want) {
			t.Errorf("goreleaser copies %q for the image %s, the command is made of %q", got, image.ID, want)
		}
	}
	var allowed []string
	for line := range strings.Lines(read(t, ".dockerignore")) {
		if name, ok := strings.CutPrefix(strings.TrimSpace(line), "!"); ok {
			allowed = append(allowed, name)
		}
	}
	if got := sorted(allowed); !slices.Equal(got, want) {
		t.Errorf(".dockerignore lets %q through, the command is made of %q", got, want)
	}
}

// TestCompletions: packages have what each shell needs. Only bash is asked whether it can read it.
func TestCompletions(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the command")
	}
	dir := t.TempDir()
	cmd := exec.Command(filepath.FromSlash(".ci/release"), "completions", dir)
	cmd.Dir = filepath.FromSlash("../../..")
	e2etest.MustRun(t, cmd)
	for file, says := range map[string]string{"gocache.bash": "__start_gocache", "gocache.fish": "complete -c gocache", "_gocache": "#compdef gocache"} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil || !strings.Contains(string(data), says) {
			t.Errorf("%s: %v, or it has no %q", file, err, says)
		}
		if !strings.Contains(read(t, ".goreleaser.yaml"), "src: .completions/"+file+",") {
			t.Errorf("no package has %s", file)
		}
	}
	output(t, "bash", "-n", filepath.Join(dir, "gocache.bash"))
}

func sorted(list []string) []string { return slices.Compact(slices.Sorted(slices.Values(list))) }

// read returns a file of the project.
func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", name))
	e2etest.Must(t, err)
	return string(data)
}
