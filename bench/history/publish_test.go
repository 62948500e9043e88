package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/bench/internal/kit"
)

var update = flag.Bool("update", false, "draw the charts of docs/history.md again")

// TestPublished: page, figures and charts of the repository belong together.
func TestPublished(t *testing.T) {
	const docs = "../../docs"
	if *update {
		p, err := kit.Load[published](filepath.Join(docs, figuresFile))
		if err != nil {
			t.Fatal(err)
		}
		files, err := p.files()
		if err == nil {
			err = kit.WriteAll(docs, files)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	checkPublished(t, filepath.Join(docs, "history.md"))
}

// checkPublished compares a page with the files beside it.
func checkPublished(t *testing.T, file string) {
	t.Helper()
	p, err := kit.Load[published](filepath.Join(filepath.Dir(file), figuresFile))
	if err != nil {
		t.Fatal(err)
	}
	files, err := p.files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(filepath.Dir(file), name))
		if err != nil || string(got) != string(want) {
			t.Errorf("%s is not that of the published figures (%v): go test ./bench/history -run Published -update\n%s", name, err, cmp.Diff(string(got), string(want)))
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	page := strings.Join(strings.Fields(string(data)), " ") // pages are wrapped
	wants := []string{
		"started " + p.Started.Format("2006-01-02 15:04") + " UTC",
		fmt.Sprintf("%d releases of [%s]", len(p.Releases), p.Module),
	}
	for name := range p.charts() {
		wants = append(wants, name+"-light.svg", name+"-dark.svg")
	}
	for _, want := range wants {
		if !strings.Contains(page, want) {
			t.Errorf("%s lacks %q", file, want)
		}
	}
	p.checkRows(t, string(data))
}

// checkRows compares the figures with the table of all runs, which has them in whole MB.
func (p published) checkRows(t *testing.T, page string) {
	t.Helper()
	_, table, found := strings.Cut(page, "\n## Run by run\n")
	if !found {
		t.Fatal("the page has no table of the runs")
	}
	var rows [][]string
	for line := range strings.Lines(strings.Split(table, "\n## ")[0]) {
		if strings.HasPrefix(line, "| v") {
			rows = append(rows, strings.Split(strings.TrimSpace(line), " | "))
		}
	}
	if len(rows) != len(p.Releases) {
		t.Fatalf("the page has %d releases, %d are published", len(rows), len(p.Releases))
	}
	for i, row := range rows {
		if name := strings.TrimSuffix(strings.TrimPrefix(row[0], "| "), " ●"); name != p.Releases[i] || row[1] != p.Dates[i] {
			t.Errorf("the page has %s of %s, published is %s of %s", name, row[1], p.Releases[i], p.Dates[i])
		}
		same(t, row, 2, p.Working[i])
		for k, policy := range shown {
			same(t, row, 4+k, p.Restored[policy][i])
			same(t, row, 4+4*len(shown)+k, p.Store[policy][i])
		}
	}
}

// same compares a cell with a published figure. Figures that were taken from an older page had been
// rounded to a tenth.
func same(t *testing.T, row []string, column int, published float64) {
	t.Helper()
	cell, err := strconv.ParseFloat(strings.TrimSuffix(row[column], " |"), 64)
	if err != nil || math.Abs(cell-published) > 0.5501 {
		t.Errorf("%s, column %d: the page has %q, published is %v", row[0], column, row[column], published)
	}
}

// TestPublish: a report writes page, figures and charts that belong together.
func TestPublish(t *testing.T) {
	r := &results{Started: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Module: "example.com/m/v7", MaxAge: 14 * 24 * time.Hour}
	for i := range 12 {
		for k, policy := range everyone {
			size := int64(k*1_234_567_890 + i*98_765_432)
			r.Runs = append(r.Runs, made(policy, i, size, size/2, 80_400_000, size/3, 10))
		}
	}
	r.Needs = []need{{"v1", []held{{"a", "a", 1e6}}}, {"v2", []held{{"a", "a", 1e6}}}}
	dir := t.TempDir()
	if err := kit.Keep(dir, "raw-", r.Started, r, nil); err != nil {
		t.Fatal(err)
	}
	page := filepath.Join(dir, "page.md")
	if err := execute(t.Context(), []string{"-from", filepath.Join(dir, "raw-20260102-030405.json"), "-doc", page}); err != nil {
		t.Fatal(err)
	}
	checkPublished(t, page)
}
