// Package kittest checks that what the benchmarks publish belongs together.
package kittest

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/bench/internal/kit"
)

var update = flag.Bool("update", false, "draw the charts of the published page again")

// Page is a page in Markdown with figures of type P and their charts beside it.
type Page[P any] struct {
	Program string // whose page it is, such as ./bench
	Figures string // name of the file with the figures
	Files   func(P) (map[string][]byte, error)
	Wants   func(P) []string                           // what the page says of them, however it is wrapped
	Rows    func(t testing.TB, figures P, page string) // compares its tables with them
}

// CheckPublished checks the page that the project publishes. With -update it first writes the files
// beside it.
func (p Page[P]) CheckPublished(t *testing.T, file string) {
	t.Helper()
	if *update {
		_, files := p.load(t, file)
		if err := kit.WriteAll(filepath.Dir(file), files); err != nil {
			t.Fatal(err)
		}
	}
	p.Check(t, file)
}

func (p Page[P]) load(t testing.TB, file string) (P, map[string][]byte) {
	t.Helper()
	figures, err := kit.Load[P](filepath.Join(filepath.Dir(file), p.Figures))
	if err != nil {
		t.Fatal(err)
	}
	files, err := p.Files(*figures)
	if err != nil {
		t.Fatal(err)
	}
	return *figures, files
}

// Check compares a page with the files beside it.
func (p Page[P]) Check(t *testing.T, file string) {
	t.Helper()
	figures, files := p.load(t, file)
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(filepath.Dir(file), name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not that of the published figures (%v): go test %s -run Published -update\n%s", name, err, p.Program, cmp.Diff(string(got), string(want)))
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(data)), " ") // pages are wrapped
	for _, want := range p.Wants(figures) {
		if !strings.Contains(page, want) {
			t.Errorf("%s lacks %q", file, want)
		}
	}
	p.Rows(t, figures, string(data))
}
