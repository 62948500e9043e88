package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// errNoModule means that there is no project where one was looked for.
var errNoModule = errors.New("no project")

// noModule says that the go command has found no go.mod and no go.work, and that the key is made
// from no other module files. It is "" if there is a project.
func (p *project) noModule() string {
	if p.keyFiles > 0 || p.env.GOMOD != os.DevNull || p.inWorkspace() {
		return ""
	}
	return fmt.Sprintf("no go.mod in %s or above it", p.dir)
}

func (p *project) inWorkspace() bool { return p.env.GOWORK != "" && p.env.GOWORK != "off" }

// tellNoModule is for people in a wrong directory, and for jobs whose checkout comes later. It is
// no warning: a job that only installs tools has no module either.
func tellNoModule(out *console, p *project) {
	if why := p.noModule(); why != "" {
		out.say("%s, so the key is that of no project: name the directory of the project in --dir, and check it out first", why)
	}
}

// holds returns an error if one of the packages is named by a directory that is not below the main
// module, as the go command cannot build it from there.
func (p *project) holds(packages []string) error {
	if why := p.noModule(); why != "" {
		return fmt.Errorf("%w: %s", errNoModule, why)
	}
	if p.env.GOMOD == "" || p.env.GOMOD == os.DevNull || p.inWorkspace() {
		return nil
	}
	root := filepath.Dir(p.env.GOMOD)
	for _, name := range packages {
		path := name
		switch {
		case filepath.IsAbs(name):
		case strings.HasPrefix(filepath.ToSlash(name), "../") || name == "..":
			path = filepath.Join(p.dir, name)
		default:
			continue
		}
		if rel, err := filepath.Rel(root, filepath.Clean(path)); err == nil && !filepath.IsLocal(rel) {
			return fmt.Errorf("%w: %s is not below %s, where go.mod is", errNoModule, name, root)
		}
	}
	return nil
}
