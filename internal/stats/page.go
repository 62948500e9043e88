package stats

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/quantity"
)

//go:embed page.html.tmpl page.css page.js
var files embed.FS

// page is what the template gets.
type page struct {
	*Report
	CSS         template.CSS
	JS          template.JS
	Policy      string // what the browser lets the page do: nothing but its own style and script
	Facts       [][2]string
	GrowthFacts [][2]string
	Tiles       []tile
	Charts      []growthChart
}

// tile is one figure at the top.
type tile struct{ Name, Value, Detail string }

// growthChart is a chart with its legend.
type growthChart struct {
	Title  string
	SVG    template.HTML
	Legend []string
}

// WritePage writes the report as a page of HTML that needs nothing else.
func (r *Report) WritePage(w io.Writer) error {
	css, js := mustRead("page.css"), mustRead("page.js")
	t, err := template.New("page.html.tmpl").Funcs(template.FuncMap{
		"bytes": quantity.Bytes, "count": quantity.Count[int], "bar": shareBar, "stack": stackChart, "columns": columnChart,
		"spark": sparkLine, "colour": colour, "others": others, "pace": paceText, "most": most,
		"day":   func(t time.Time) string { return t.UTC().Format("2006-01-02") },
		"table": func(title, id string, g Group) table { return table{title, id, g} },
	}).ParseFS(files, "page.html.tmpl")
	if err != nil {
		return err
	}
	p := page{
		Report: r, CSS: template.CSS(css), JS: template.JS(js), Policy: policy(css, js),
		Facts: r.freeable(), GrowthFacts: r.growthFacts(), Tiles: r.tiles(), Charts: r.charts(),
	}
	return t.Execute(w, p)
}

func mustRead(name string) string {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	return string(data)
}

// policy is a Content-Security-Policy that allows this style and this script only.
func policy(css, js string) string {
	hash := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return base64.StdEncoding.EncodeToString(sum[:])
	}
	return fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; base-uri 'none'; form-action 'none'", hash(css), hash(js))
}

// table is a group with its heading.
type table struct {
	Title, ID string
	Group
}

// most is the largest of some rows.
func most(rows []Row) (n int64) {
	for _, r := range rows {
		n = max(n, r.Bytes)
	}
	return n
}

// others names those that have no row.
func others(g Group) string {
	if more := g.Names - len(g.Rows); more > 0 {
		return quantity.Count(more) + " others"
	}
	return "others"
}

func (r *Report) tiles() (list []tile) {
	if m := r.Modules; m != nil {
		list = append(list, tile{"GOMODCACHE", quantity.Bytes(m.Total.Bytes), quantity.Counted(m.Total.Count, "version")})
	}
	if b := r.Build; b != nil {
		list = append(list, tile{"GOCACHE", quantity.Bytes(b.Total.Bytes), quantity.Counted(b.Total.Count, "entry")})
	}
	if s := r.Store; s != nil {
		list = append(list, tile{"store", quantity.Bytes(s.Total.Bytes), quantity.Counted(s.Total.Count, "object")})
	}
	if t := r.Trim; t != nil {
		list = append(list, tile{"trim would free", quantity.Bytes(t.Bytes()), "not used for " + t.MaxAge + t.sizeText()})
	}
	for _, d := range r.Disks {
		list = append(list, tile{"disk free", quantity.Bytes(d.Free), "of " + quantity.Bytes(d.Total)})
	}
	return list
}

// charts draws what grows, if there is more than one measurement.
func (r *Report) charts() (list []growthChart) {
	caches := []series{
		{"both caches", pointsOf(r.History, Record.local)},
		{"modules", pointsOf(r.History, func(x Record) (int64, bool) { return x.Modules, x.ModDir != "" })},
		{"build cache", pointsOf(r.History, func(x Record) (int64, bool) { return x.Build, x.BuildDir != "" })},
	}
	list = append(list, r.chart("Caches of this machine", "both caches", caches))
	stored := []series{{"store", pointsOf(r.History, func(x Record) (int64, bool) { return x.Stored, x.Store != "" })}}
	list = append(list, r.chart("Store", "store", stored))
	return slices.DeleteFunc(list, func(c growthChart) bool { return c.SVG == "" })
}

func (r *Report) chart(title, of string, lines []series) growthChart {
	lines = slices.DeleteFunc(lines, func(s series) bool { return len(s.Points) < 2 })
	c := growthChart{Title: title}
	if len(lines) == 0 {
		return c
	}
	drawn := timeChart{series: lines}
	if i := slices.IndexFunc(r.Growth, func(g Growth) bool { return g.Of == of }); i >= 0 {
		g := r.Growth[i]
		drawn.limit, drawn.limitName, drawn.forecast = g.Limit, g.LimitName, g.forecast(lines[0].Points)
	}
	c.SVG = drawn.draw()
	for _, line := range lines {
		c.Legend = append(c.Legend, line.Name)
	}
	return c
}

// forecast goes on for a third of the time that was measured, at the pace that was judged.
func (g Growth) forecast(points []Point) Point {
	if g.PerDay == nil {
		return Point{}
	}
	last := points[len(points)-1]
	ahead := last.Time.Sub(points[0].Time) / 3
	return Point{last.Time.Add(ahead), max(0, last.Bytes+int64(*g.PerDay*ahead.Hours()/24))}
}

func pointsOf(history []Record, size func(Record) (int64, bool)) (list []Point) {
	for _, r := range history {
		if n, ok := size(r); ok {
			list = append(list, Point{r.Time, n})
		}
	}
	return list
}
