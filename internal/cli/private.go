package cli

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/ci"
)

// withhold lists the private modules of a project that must not be saved; nil: everything is saved.
// GitHub lets the pull requests of a public repository, which anybody can open, read the caches of
// its default branch. The event mostly says whether the repository is public; if it does not, the
// repository counts as public.
func withhold(r *run, p *project) []string {
	if r.cfg.SavePrivate || !r.usesActions() {
		return nil
	}
	if public, known := ci.PublicRepository(r.env); known && !public {
		return nil
	}
	return append([]string{}, p.privateModules()...)
}

// privateModules lists the paths of the private modules that go.sum names, those that private
// modules replace, as object files have the path of what is replaced, and those whose sources lie
// outside of the project, such as a second checkout.
func (p *project) privateModules() (list []string) {
	private := p.env.private()
	if private == "" {
		return nil
	}
	isPrivate := func(path string) bool { return module.MatchPrefixPatterns(private, path) }
	for v := range p.key.Sums.Zip {
		if isPrivate(v.Path) {
			list = append(list, v.Path)
		}
	}
	files, uses := p.moduleFiles()
	for _, f := range files {
		for _, r := range f.replace {
			switch local := r.New.Version == ""; {
			case local && isPrivate(r.Old.Path) && p.isElsewhere(f.dir, r.New.Path), !local && (isPrivate(r.New.Path) || isPrivate(r.Old.Path)):
				list = append(list, r.Old.Path)
			}
		}
	}
	for _, u := range uses {
		if isPrivate(u.path) && p.isElsewhere(u.dir, "") {
			list = append(list, u.path)
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// isElsewhere reports whether a directory is not one of the repository of the project: it lies
// outside of the directory with the go.work or go.mod, or in a checkout of its own below it.
func (p *project) isElsewhere(from, path string) bool {
	dir := localDir(from, path)
	root := filepath.Dir(cmp.Or(p.workFile(), p.env.GOMOD))
	for dir != root {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
	return false
}

// localDir is a directory that go.mod or go.work names in its own directory.
func localDir(from, path string) string {
	path = filepath.FromSlash(path)
	if !filepath.IsAbs(path) {
		path = filepath.Join(from, path)
	}
	return filepath.Clean(path)
}

// workFile is the go.work in use, or "".
func (p *project) workFile() string {
	if p.env.GOWORK == "off" {
		return ""
	}
	return p.env.GOWORK
}

// moduleFile is what a go.mod or go.work replaces.
type moduleFile struct {
	dir     string
	replace []*modfile.Replace
}

// usedModule is one that go.work uses.
type usedModule struct{ dir, path string }

// moduleFiles are the go.mod, the go.work, and the go.mod of the modules that this uses. A file
// that does not parse replaces nothing: the go command builds nothing with it.
func (p *project) moduleFiles() (files []moduleFile, uses []usedModule) {
	list := []string{p.env.GOMOD}
	if data, err := os.ReadFile(p.workFile()); err == nil {
		if work, err := modfile.ParseWork(p.env.GOWORK, data, nil); err == nil {
			dir := filepath.Dir(p.env.GOWORK)
			files = append(files, moduleFile{dir, work.Replace})
			for _, use := range work.Use {
				list = append(list, filepath.Join(localDir(dir, use.Path), "go.mod"))
			}
		}
	}
	for i, file := range list {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		mod, err := modfile.Parse(file, data, nil)
		if err != nil {
			continue
		}
		files = append(files, moduleFile{filepath.Dir(file), mod.Replace})
		if i > 0 && mod.Module != nil {
			uses = append(uses, usedModule{filepath.Dir(file), mod.Module.Mod.Path})
		}
	}
	return files, uses
}
