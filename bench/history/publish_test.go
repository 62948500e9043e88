package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/bench/internal/kittest"
)

// publishedPage is what docs/history.md has to agree with.
var publishedPage = kittest.Page[published]{
	Program: "./bench/history", Figures: figuresFile, Files: published.files, Rows: checkRows,
	Wants: func(p published) []string {
		wants := []string{
			"started " + p.Started.Format("2006-01-02 15:04") + " UTC",
			fmt.Sprintf("%d releases of [%s]", len(p.Releases), p.Module),
		}
		for name := range p.charts() {
			wants = append(wants, name+"-light.svg", name+"-dark.svg")
		}
		return wants
	},
}

// TestPublished: page, figures and charts of the repository belong together.
func TestPublished(t *testing.T) { publishedPage.CheckPublished(t, "../../docs/history.md") }

// checkRows compares the figures with the table of all runs, which has them in whole MB.
func checkRows(t testing.TB, p published, page string) {
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
func same(t testing.TB, row []string, column int, published float64) {
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
	file := filepath.Join(dir, "page.md")
	if err := execute(t.Context(), []string{"-from", filepath.Join(dir, "raw-20260102-030405.json"), "-doc", file}); err != nil {
		t.Fatal(err)
	}
	publishedPage.Check(t, file)
}
