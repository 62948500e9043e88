package main

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/snapshot"
)

//go:embed report.md.tmpl
var reportTemplate string

// render makes the page from the results. The same results give the same page.
func render(r *results) (string, error) { return kit.Render(reportTemplate, nil, page{r}) }

// page is what the template sees.
type page struct{ *results }

func (p page) Minutes() float64 { return p.Finished.Sub(p.Started).Minutes() }

// SizeHead returns the head of a table with one column for each size.
func (p page) SizeHead() string {
	head, line := "| scenario |", "|---|"
	for _, s := range p.Sizes {
		head += fmt.Sprintf(" %s |", thousands(s.Entries))
		line += "---|"
	}
	return head + "\n" + line
}

func thousands(n int) string {
	if n%1000 == 0 && n >= 1_000_000 {
		return fmt.Sprintf("%g M", float64(n)/1e6)
	}
	return fmt.Sprintf("%g k", float64(n)/1e3)
}

// rows returns a row for each scenario, with a cell for each size.
func (p page) rows(cell func(size, measured) string) string {
	var b strings.Builder
	for _, m := range p.Sizes[0].Steps {
		b.WriteString("| " + m.Name)
		for _, s := range p.Sizes {
			text := "–"
			if x, ok := s.step(m.Name); ok {
				text = cell(s, x)
			}
			b.WriteString(" | " + text)
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

// TimeRows returns user, system and wall time.
func (p page) TimeRows() string {
	return p.rows(func(_ size, m measured) string {
		return fmt.Sprintf("%.2f + %.2f (%.1f)", m.Cost.User, m.Cost.System, m.Cost.Wall)
	})
}

func (p page) MemoryRows() string {
	return p.rows(func(_ size, m measured) string { return fmt.Sprintf("%.0f", float64(m.Cost.MaxRSS)/1e6) })
}

func (p page) RequestRows() string {
	return p.rows(func(_ size, m measured) string { return kinds(m.Requests) })
}

func (p page) BytesRows() string {
	return p.rows(func(_ size, m measured) string {
		return fmt.Sprintf("%.2f / %.2f", float64(m.Uploaded)/1e6, float64(m.Fetched)/1e6)
	})
}

// GrowthRows returns the cost of one more entry, from each size to the next.
func (p page) GrowthRows() string {
	var b strings.Builder
	for _, name := range scenarios {
		b.WriteString("| " + name)
		for i := range p.Sizes[1:] {
			us, ok := slope(p.Sizes[i], p.Sizes[i+1], name, user)
			sys, _ := slope(p.Sizes[i], p.Sizes[i+1], name, system)
			mem, _ := slope(p.Sizes[i], p.Sizes[i+1], name, memory)
			if !ok {
				b.WriteString(" | – | – | –")
				continue
			}
			fmt.Fprintf(&b, " | %.1f | %.1f | %.0f", us*1e6, sys*1e6, mem)
		}
		text := "–"
		if g, ok := p.growth(name); ok {
			text = fmt.Sprintf("%.2f", g)
		}
		fmt.Fprintf(&b, " | %s |\n", text)
	}
	return b.String()
}

// GrowthHead returns the head of that table.
func (p page) GrowthHead() string {
	head, line := "| scenario |", "|---|"
	for i := range p.Sizes[1:] {
		step := thousands(p.Sizes[i].Entries) + " to " + thousands(p.Sizes[i+1].Entries)
		head += fmt.Sprintf(" user µs, %s | system µs | memory bytes |", step)
		line += "---|---|---|"
	}
	return head + " growth |\n" + line + "---|"
}

func (p page) ManifestRows() string {
	var b strings.Builder
	for _, s := range p.Sizes {
		fmt.Fprintf(&b, "| %s | %d | %d | %.1f | %.1f %% | %d | %.1f |\n", thousands(s.Entries), s.Modules, s.Manifest, float64(s.Manifest)/float64(s.Entries),
			100*float64(s.Manifest)/snapshot.MaxManifest, s.Objects, float64(s.Stored)/1e6)
	}
	return b.String()
}

// Fits returns how many entries fit into the size limit of a manifest, based on the bytes per entry
// in the largest one.
func (p page) Fits() string {
	s := p.Sizes[len(p.Sizes)-1]
	return fmt.Sprintf("%.1f million", snapshot.MaxManifest/(float64(s.Manifest)/float64(s.Entries))/1e6)
}

func (p page) TargetRows() string { return kit.TargetRows(p.targets(), "%.2f", "%.2f") }

// LoadRequests lists the requests of the load as the server counted them.
func (p page) LoadRequests() string { return kinds(p.Load.Requests) }

func kinds[N int | int64](m map[string]N) string {
	if len(m) == 0 {
		return "–"
	}
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%d %s", m[k], k))
	}
	return strings.Join(parts, ", ")
}

func (p page) MB(n int64) string { return fmt.Sprintf("%.0f MB", float64(n)/1e6) }
