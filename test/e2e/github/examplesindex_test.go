package github

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestExamplesLint checks the workflows of each example as a repository of its own, with what its
// steps give to the actions of this project.
func TestExamplesLint(t *testing.T) {
	lint := tool(t, "GOCACHE_TEST_ACTIONLINT", "actionlint")
	found, err := filepath.Glob(filepath.Join(repository(t), "examples", "*", ".github"))
	if err != nil || len(found) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, github := range found {
		dir := t.TempDir()
		if err := os.CopyFS(filepath.Join(dir, ".github"), os.DirFS(github)); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(filepath.Join(dir, ".git"), 0o755); err != nil { // the root of a repository, for actionlint
			t.Fatal(err)
		}
		copyAction(t, filepath.Join(dir, "action"))
		files, _ := filepath.Glob(filepath.Join(dir, ".github", "workflows", "*"))
		for _, file := range files {
			useLocal(t, file)
		}
		cmd := exec.Command(lint, append([]string{"-no-color", "-shellcheck=", "-pyflakes="}, files...)...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", github, err, out)
		}
	}
}

var ourAction = regexp.MustCompile(`(?m)uses: org/gocache-action(/\w+)?@(\S+)$`)

// useLocal has a workflow use the copy of the action in the same directory: actionlint does not
// know the inputs of those that are elsewhere.
func useLocal(t *testing.T, file string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ourAction.FindAllStringSubmatch(string(data), -1) {
		if m[2] != "v1" {
			t.Errorf("%s uses the action of %s", file, m[2])
		}
	}
	write(t, file, ourAction.ReplaceAllString(string(data), "uses: ./action$1"))
}

// TestExamplesIndex: each example is in the index and has a page of its own, and links lead
// somewhere.
func TestExamplesIndex(t *testing.T) {
	root := filepath.Join(repository(t), "examples")
	index := readText(t, filepath.Join(root, "README.md"))
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	pages := []string{filepath.Join(root, "README.md")}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if !strings.Contains(index, "| ["+entry.Name()+"]("+entry.Name()+") |") {
			t.Errorf("examples/README.md has no %s", entry.Name())
		}
		pages = append(pages, filepath.Join(root, entry.Name(), "README.md"))
	}
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)
	for _, page := range pages {
		for _, m := range link.FindAllStringSubmatch(readText(t, page), -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

func readText(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
