package cli

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/save"
)

// ownModules says what belongs to the project in dir, as its module files tell it; nil without any:
// what is built in GOPATH mode cannot be told from what others build.
func ownModules(dir string, files []keys.File) *save.Own {
	modules, dirs := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		in := filepath.Dir(filepath.Join(dir, filepath.FromSlash(f.Path)))
		switch path.Base(f.Path) {
		case "go.mod":
			for _, m := range modulesOf(f) {
				modules[m] = true
			}
			for _, m := range vendored(in) {
				modules[m] = true
			}
			for _, d := range []string{in, samedir.Real(in)} {
				dirs[strings.TrimSuffix(filepath.ToSlash(d), "/")+"/"] = true
			}
		case "go.work":
			if work, err := keys.ParseWork(f); err == nil {
				for _, r := range work.Replace {
					modules[r.Old.Path] = true
				}
			}
		}
	}
	if len(modules) == 0 {
		return nil
	}
	return &save.Own{Modules: slices.Sorted(maps.Keys(modules)), Dirs: slices.Sorted(maps.Keys(dirs))}
}

// modulesOf are the paths of the modules that a go.mod is of, requires and replaces. The go command
// builds nothing with one that does not parse.
func modulesOf(f keys.File) (list []string) {
	mod, err := keys.ParseMod(f)
	if err != nil {
		return nil
	}
	if mod.Module != nil {
		list = append(list, mod.Module.Mod.Path)
	}
	for _, r := range mod.Require {
		list = append(list, r.Mod.Path)
	}
	for _, r := range mod.Replace {
		list = append(list, r.Old.Path)
	}
	return list
}

// vendored are the paths of the modules in the vendor directory of the module in dir: where neither
// go.mod nor go.sum names what only a dependency requires.
func vendored(dir string) (list []string) {
	data, err := os.ReadFile(filepath.Join(dir, "vendor", "modules.txt"))
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) > 2 && fields[0] == "#" {
			list = append(list, fields[1])
		}
	}
	return list
}
