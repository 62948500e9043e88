package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/mod/module"
)

// ErrNoMatch means that no pattern of Input.Select matches a module file.
var ErrNoMatch = errors.New("no module file matches")

// CleanPattern checks a pattern of Input.Select and returns it without a leading "./". Patterns are
// matched against the paths of module files relative to the project: "*" and "?" match no slash,
// "**" matches any number of directories, "[a-z]" for one character and "{a,b}" for one of several.
func CleanPattern(pattern string) (string, error) {
	clean := strings.TrimPrefix(filepath.ToSlash(pattern), "./")
	switch {
	case clean == "" || !doublestar.ValidatePattern(clean):
		return "", fmt.Errorf("invalid pattern %q", pattern)
	case path.IsAbs(clean) || filepath.IsAbs(pattern):
		return "", fmt.Errorf("invalid pattern %q: want one relative to the project", pattern)
	}
	return clean, nil
}

// choose returns the files that match a pattern. A go.mod that matches is chosen even if there is a
// go.sum beside it. It is an error if no file matches, since then the key would not change with the
// dependencies.
func (p *Plan) choose(files []File, patterns []string) (chosen []File, err error) {
	hits := make([]bool, len(patterns))
	for _, f := range files {
		named := false
		for i, pattern := range patterns {
			ok, err := doublestar.Match(pattern, f.Path)
			if err != nil {
				return nil, fmt.Errorf("pattern %q: %w", pattern, err)
			}
			hits[i], named = hits[i] || ok, named || ok
		}
		if named {
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		return nil, fmt.Errorf("%w %s: the project has %s", ErrNoMatch, strings.Join(patterns, ", "), listPaths(files))
	}
	notes := slices.Clone(p.Notes)
	for i, ok := range hits {
		if !ok {
			notes = append(notes, fmt.Sprintf("%v %s", ErrNoMatch, patterns[i]))
		}
	}
	p.Notes = notes
	return chosen, p.selectVersions(chosen)
}

// selectVersions records the versions that the chosen files have checksums of.
func (p *Plan) selectVersions(chosen []File) error {
	sums, _, err := check(chosen) // there are notes about errors already
	if err != nil {
		return err
	}
	p.Selected = make(map[module.Version]bool, len(sums.Zip))
	for v := range sums.Zip {
		p.Selected[v] = true
	}
	return nil
}

// Fetches reports whether a version with a checksum is to be fetched.
func (p *Plan) Fetches(v module.Version) bool { return p.Selected == nil || p.Selected[v] }

// listPaths names files in a message, some of them if there are many.
func listPaths(files []File) string {
	const most = 10
	var names []string
	for _, f := range files[:min(len(files), most)] {
		names = append(names, f.Path)
	}
	switch {
	case len(files) == 0:
		return "none"
	case len(files) > most:
		names = append(names, fmt.Sprintf("and %d more", len(files)-most))
	}
	return strings.Join(names, ", ")
}

// named collects the modules of the files that patterns name by their full path, wherever they lie.
func (c *collector) named() {
	for _, pattern := range c.in.Select {
		if !strings.ContainsAny(pattern, `*?[{\`) {
			c.pair(filepath.Join(c.dir, filepath.FromSlash(pattern)))
		}
	}
}

// matched collects a file that the search finds if it matches a pattern, such as tools.sum, which
// belongs to a tools.mod of -modfile.
func (c *collector) matched(file string) {
	if len(c.env.Select) == 0 {
		return
	}
	rel := c.rel(file)
	for _, pattern := range c.env.Select {
		if ok, _ := doublestar.Match(pattern, rel); ok {
			c.pair(file)
			return
		}
	}
}

// pair collects a module file with the one that belongs to it: go.sum with go.mod, tools.sum with
// tools.mod.
func (c *collector) pair(file string) {
	switch filepath.Ext(file) {
	case ".mod", ".sum":
	default:
		return // Derive reports that it matches nothing
	}
	if _, err := readFile(file); errors.Is(err, fs.ErrNotExist) {
		return // the same
	}
	stem := strings.TrimSuffix(file, filepath.Ext(file))
	if _, err := os.Stat(stem + ".mod"); err != nil {
		c.loose(stem + ".sum")
		return
	}
	c.maybeModule(stem + ".mod")
}

// loose collects a checksum file that has no go.mod beside it.
func (c *collector) loose(file string) {
	if rel := c.rel(file); slices.ContainsFunc(c.in.Files, func(f File) bool { return f.Path == rel }) {
		return
	}
	c.nesting = true
	c.sums(file, false)
	c.nesting = false
}
