package cli

import (
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/save"
)

// ownModules says what belongs to the project in dir, as its go.mod files tell it.
func ownModules(dir string, files []keys.File) *save.Own {
	modules, marks := map[string]bool{}, map[string]bool{}
	for _, f := range files {
		if path.Base(f.Path) != "go.mod" {
			continue
		}
		mod, err := modfile.ParseLax(f.Path, f.Data, nil)
		if err != nil {
			continue // the go command builds nothing with it
		}
		if mod.Module != nil {
			modules[mod.Module.Mod.Path] = true
			if strings.Contains(mod.Module.Mod.Path, "/") { // a single word is in many outputs
				marks[mod.Module.Mod.Path] = true
			}
		}
		for _, r := range mod.Require {
			modules[r.Mod.Path] = true
		}
		in := filepath.Dir(filepath.Join(dir, filepath.FromSlash(f.Path)))
		for _, d := range []string{in, samedir.Real(in)} {
			marks[filepath.ToSlash(d)+"/"] = true
		}
	}
	return &save.Own{Modules: slices.Sorted(maps.Keys(modules)), Marks: slices.Sorted(maps.Keys(marks))}
}
