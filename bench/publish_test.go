package main

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/bench/internal/kittest"
)

// publishedPage is what docs/benchmarks.md has to agree with.
var publishedPage = kittest.Page[published]{
	Program: "./bench", Figures: figuresFile, Files: published.files,
	Wants: func(p published) []string {
		wants := []string{
			"started " + p.Started.Format("2006-01-02 15:04") + " UTC", fmt.Sprintf("the %d rounds", p.Rounds),
			fmt.Sprintf("- %d cores", p.Cores), chartName + "-light.svg", chartName + "-dark.svg",
		}
		for _, c := range p.Projects {
			wants = append(wants, fmt.Sprintf("# %s: %s", c.Name, c.Module))
		}
		return wants
	},
	Rows: func(t testing.TB, p published, page string) {
		for _, c := range p.Projects {
			for _, row := range chartRows {
				c.checkRow(t, page, row)
			}
		}
	},
}

// TestPublished: page, figures and charts of the repository belong together.
func TestPublished(t *testing.T) { publishedPage.CheckPublished(t, "../docs/benchmarks.md") }

// checkRow compares a figure with the row of the page's table, which is missing if and only if the
// figure is.
func (c charted) checkRow(t testing.TB, page string, row chartRow) {
	t.Helper()
	_, section, found := strings.Cut(page, fmt.Sprintf("\n## %s, %s\n", c.Name, row.link))
	if !found {
		t.Fatalf("the page has no section %s, %s", c.Name, row.link)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	cells := `([\d.]+) \(.*?\) \| ([\d.]+) \(.*?\) \| (\S+) \|`
	format := "%.2f"
	if row.unit == "MB" {
		cells = strings.Repeat(`[^|]* \| `, 6) + `([\d.]+) \| ([\d.]+) \| (\S+) \|`
		format = "%.1f"
	}
	m := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(scenarioText[row.scenario]) + ` \| ` + cells).FindStringSubmatch(section)
	x, published := c.of(row)
	if published != (m != nil) {
		t.Errorf("%s, %s, %s: published %t, row %q", c.Name, row.figure, row.link, published, m)
		return
	}
	if !published {
		return
	}
	if diff := cmp.Diff(m[1:], []string{fmt.Sprintf(format, x.Gocache), fmt.Sprintf(format, x.Tar), times(x.Times)}); diff != "" {
		t.Errorf("%s, %s, %s (-page +published):\n%s", c.Name, row.figure, row.link, diff)
	}
}

// TestPublish: a report writes page, figures and charts that belong together, from raw figures with
// several rounds, and without some of the scenarios.
func TestPublish(t *testing.T) {
	r := &results{Started: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Rounds: 3}
	r.Machine.Cores = 4
	for i, s := range subjects {
		f := &figures{subject: s}
		for _, link := range linkNames {
			f.Links = append(f.Links, linkInfo{Name: link})
			for j, scenario := range []string{firstSave, restoreEmpty, editSave}[i:] {
				for round := range 3 {
					f.Runs = append(f.Runs, bothTools(link, scenario, round, float64(1+i+j))...)
				}
			}
		}
		r.Projects = append(r.Projects, f)
	}
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

// bothTools returns a run of each tool; the quotients of the rounds differ.
func bothTools(link, scenario string, round int, seconds float64) []run {
	ours := run{Link: link, Scenario: scenario, Tool: gocacheName, Round: round + 1}
	ours.Wall, ours.Stored = seconds*(1+0.123*float64(round)), int64(seconds*1234567)
	theirs := ours
	theirs.Tool, theirs.Wall, theirs.Stored = tarName, 3.3, 7654321
	return []run{ours, theirs}
}

func TestChart(t *testing.T) {
	fast, slow := pair{"restore", shaped, 8.66, 25.6, "s", 2.95}, pair{"restore", shaped, 4.41, 3.81, "s", 0.863}
	large := pair{"stored", shaped, 311.9, 1195.2, "MB", 3.83}
	for _, c := range []struct {
		x    pair
		want string
	}{
		{fast, "3.0× faster: 8.66 s, not 25.6 s"}, {slow, "1.2× slower: 4.41 s, not 3.81 s"}, {large, "3.8× smaller: 312 MB, not 1195 MB"},
	} {
		for _, row := range chartRows {
			if row.figure == c.x.Figure && row.link == c.x.Link {
				if got := c.x.label(row); got != c.want {
					t.Errorf("label %q, want %q", got, c.want)
				}
			}
		}
	}
	p := published{Rounds: 3, Projects: []charted{
		{Module: "example.com/a@v1", Figures: []pair{fast, large}}, {Module: "example.com/b@v1", Figures: []pair{large}},
	}}
	groups := p.chart().Groups
	if len(groups) != 2 {
		t.Fatalf("%+v: only two figures were measured", groups)
	}
	if b := groups[0].Bars; b[0].Factor != 2.95 || b[1].Name != "b" || b[1].Label != "not measured" || b[1].Factor != 0 {
		t.Errorf("%+v", b)
	}
}
