package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/org/gocache-action/internal/config"
)

// docs are the pages with recipes.
var docs = []string{"recipes.md", "stores.md", "images.md", "migration.md", "gitlab.md", "bucket-policy.md", "security.md"}

func readDoc(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestRecipes: code to be copied is well-formed, and uses only names that gocache knows.
func TestRecipes(t *testing.T) {
	known := []string{config.TokenVariable}
	for _, o := range config.Options() {
		known = append(known, config.Variable(o.Name))
	}
	blocks := regexp.MustCompile("(?ms)^ *```yaml\n(.*?)^ *```")
	for _, name := range docs {
		text := readDoc(t, name)
		for _, m := range blocks.FindAllStringSubmatch(text, -1) {
			var v any
			if err := yaml.Unmarshal([]byte(m[1]), &v); err != nil {
				t.Errorf("%s: %v in\n%s", name, err, m[1])
			}
		}
		for _, v := range regexp.MustCompile(`GOCACHE_ACTION_[A-Z_]+`).FindAllString(text, -1) {
			if !slices.Contains(known, v) {
				t.Errorf("%s: gocache does not know %s", name, v)
			}
		}
	}
}
