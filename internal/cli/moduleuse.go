package cli

import (
	"context"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/moduleuse"
)

// moduleUse asks the go command, in the environment of the job, which module versions the project
// uses.
func (p *project) moduleUse(ctx context.Context) (map[module.Version]bool, error) {
	ask := moduleuse.Project{Mains: p.mainModules, ModDir: p.modDir, GOWORK: p.env.GOWORK, GODEBUG: p.env.GODEBUG, Go: goOutput}
	return ask.Ask(ctx)
}
