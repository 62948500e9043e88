package whymodule

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/goflags"
)

// readProject asks the module files about a module. It returns nil where there is no go.mod.
func (s *scratch) readProject(path string) (*Project, error) {
	if !isSet(s.o.GOMOD) && !isSet(s.o.GOWORK) {
		return nil, nil
	}
	if err := s.copyModule(); err != nil {
		return nil, err
	}
	p := &Project{GoMod: modFile(s.o), Sums: map[string]string{}}
	if isSet(s.o.GOWORK) {
		p.GoWork = s.o.GOWORK
	}
	if err := p.readFiles(path); err != nil {
		return nil, err
	}
	p.readVendor(path, s.o.Settings.GOFLAGS)
	return p, nil
}

// readGraph asks the go command who demands the module. What is selected is the highest version
// that anybody demands.
func (s *scratch) readGraph(ctx context.Context, p *Project, path string) {
	graph, err := s.inProject(ctx, "mod", "graph")
	if err != nil {
		p.GraphError = shortError(err)
		return
	}
	p.Demands = demandsOf(graph, path)
	if len(p.Demands) == 0 {
		p.Contains = containing(graph, path)
		return
	}
	p.Selected = p.Demands[0].Version
	if out, err := s.offline(ctx, "mod", "why", "-m", path); err == nil {
		p.Why = whyOf(out)
	}
}

// readFiles reads go.work and the go.mod files that count.
func (p *Project) readFiles(path string) error {
	files := []string{p.GoMod}
	if p.GoWork != "" {
		data, err := os.ReadFile(p.GoWork)
		if err != nil {
			return err
		}
		work, err := modfile.ParseWork(p.GoWork, data, nil)
		if err != nil {
			return err
		}
		p.addReplaces(p.GoWork, path, work.Replace)
		p.readSums(p.GoWork+".sum", path)
		files = nil
		for _, u := range work.Use {
			name := filepath.Join(absolute(filepath.Dir(p.GoWork), u.Path), "go.mod")
			if err := p.readMod(name, path); err != nil {
				return err
			}
			if p.Dir == filepath.Dir(name) {
				p.Use = u.Path
			}
		}
	}
	for _, name := range files {
		if err := p.readMod(name, path); err != nil {
			return err
		}
	}
	return nil
}

func (p *Project) readMod(name, path string) error {
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	f, err := modfile.Parse(name, data, nil)
	if err != nil {
		return err
	}
	if f.Module != nil && f.Module.Mod.Path == path {
		p.Dir = filepath.Dir(name)
	}
	p.addReplaces(name, path, f.Replace)
	for _, e := range f.Exclude {
		if e.Mod.Path == path {
			p.Excludes = append(p.Excludes, Directive{File: name, Line: e.Syntax.Start.Line, Version: e.Mod.Version})
		}
	}
	for _, r := range f.Require {
		p.Direct = p.Direct || r.Mod.Path == path && !r.Indirect
		p.Required = p.Required || r.Mod.Path == path
	}
	p.readSums(strings.TrimSuffix(name, ".mod")+".sum", path)
	return nil
}

func (p *Project) addReplaces(name, path string, list []*modfile.Replace) {
	for _, r := range list {
		if r.Old.Path == path {
			by := strings.TrimSuffix(r.New.Path+" "+r.New.Version, " ")
			p.Replaces = append(p.Replaces, Directive{File: name, Line: r.Syntax.Start.Line, Version: r.Old.Version, By: by, Dir: r.New.Version == ""})
		}
	}
}

// readSums adds the hashes that a go.sum has of a module. It may be missing.
func (p *Project) readSums(name, path string) {
	data, _ := os.ReadFile(name)
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == path && !strings.HasSuffix(f[1], "/go.mod") {
			p.Sums[f[1]] = f[2]
		}
	}
}

// local says why nobody is asked about a module: what lies in a directory here counts, whose name
// may be known to nobody else. "": the go command would ask.
func (p *Project) local() string {
	if p == nil {
		return ""
	}
	if p.Dir != "" {
		return "it is a main module"
	}
	for _, d := range p.Replaces { // those of go.work, which count more, are first
		if d.Version == "" {
			if d.Dir {
				return d.at() + " replaces it by a directory"
			}
			return ""
		}
	}
	return ""
}

// readVendor reads which version is vendored, and whether builds use it: they do unless a flag says
// otherwise. (Modules of go 1.13 and older have to ask for it; they count as all others.)
func (p *Project) readVendor(path, flags string) {
	root := filepath.Dir(p.GoMod)
	if p.GoWork != "" {
		root = filepath.Dir(p.GoWork)
	}
	data, err := os.ReadFile(filepath.Join(root, "vendor", "modules.txt"))
	if err != nil {
		return
	}
	mode := goflags.String(flags, "mod")
	p.IsVendor = mode == "" || mode == "vendor"
	for line := range strings.Lines(string(data)) {
		if f := strings.Fields(line); len(f) >= 3 && f[0] == "#" && f[1] == path && strings.HasPrefix(f[2], "v") {
			p.Vendored = f[2]
		}
	}
}

// containing returns the module of a graph in which a package of this path would be.
func containing(graph []byte, path string) string {
	found := ""
	for word := range bytes.FieldsSeq(graph) {
		name, _, _ := strings.Cut(string(word), "@")
		if len(name) > len(found) && strings.HasPrefix(path, name+"/") {
			found = name
		}
	}
	if _, major, ok := module.SplitPathVersion(path); ok && major != "" && found+major == path {
		return "" // another major version of it
	}
	return found
}

// whyOf reads what `go mod why -m` prints: the packages by which a module is needed.
func whyOf(out []byte) (list []string) {
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "(") {
			continue
		}
		list = append(list, line)
	}
	return list
}
