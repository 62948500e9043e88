// Package svgchart draws the charts of the benchmarks' pages as SVG: bars that compare with 1, and
// lines over the releases of a project. Go libraries for charts bring fonts with them, or draw for
// one background only; what is needed here is two layouts.
//
// GitHub shows an SVG as an image: it runs no script in it and loads nothing from elsewhere, but
// allows inline style. Style within an image could ask for prefers-color-scheme, but that is the
// scheme of the browser, which need not be the theme that the reader has chosen on GitHub. So each
// chart is drawn once for every theme, with a transparent background, and the page chooses in a
// picture element, which GitHub adapts to its own theme.
package svgchart

import "fmt"

// Theme has the colors for one background.
type Theme struct {
	Name  string    // part of the names of files
	text  string    // titles and labels
	muted string    // notes and axes
	grid  string    // lines behind the figures
	worse string    // bars below 1
	lines [4]string // bars of at least 1 have the first one
}

// Themes are those of GitHub. Their colors have a contrast of at least 4.5 to its background.
var Themes = []Theme{
	{
		Name: "light", text: "#1f2328", muted: "#59636e", grid: "#d1d9e0", worse: "#bc4c00",
		lines: [4]string{"#0969da", "#bc4c00", "#8250df", "#59636e"},
	},
	{
		Name: "dark", text: "#f0f6fc", muted: "#9198a1", grid: "#3d444d", worse: "#f0883e",
		lines: [4]string{"#58a6ff", "#f0883e", "#bc8cff", "#9198a1"},
	},
}

// Chart is one picture.
type Chart interface{ SVG(Theme) []byte }

// Draw returns a file for every theme, such as NAME-light.svg, by its name.
func Draw(name string, c Chart) map[string][]byte {
	files := map[string][]byte{}
	for _, t := range Themes {
		files[fmt.Sprintf("%s-%s.svg", name, t.Name)] = c.SVG(t)
	}
	return files
}

// Picture returns the element that shows a chart in a page beside its files. It is a block of
// Markdown of its own.
func Picture(name, text string) string {
	return fmt.Sprintf(`<picture>
  <source media="(prefers-color-scheme: dark)" srcset="%s-dark.svg">
  <img src="%s-light.svg" width="%d" alt="%s">
</picture>
`, name, name, Width, escape(text))
}
