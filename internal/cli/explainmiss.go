package cli

import (
	"context"
	"fmt"
	"go/version"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/misses"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/restore"
)

// explained are the go commands that --explain-miss understands.
var explained = []string{"test", "build", "install", "vet"}

// goCommandOf is the go command to explain: what follows "--", without a leading "go".
func goCommandOf(args []string) ([]string, error) {
	if len(args) > 0 && args[0] == "go" {
		args = args[1:]
	}
	if len(args) == 0 {
		return []string{"test", "./..."}, nil
	}
	if !slices.Contains(explained, args[0]) {
		return nil, usage.Errorf("--explain-miss explains go %s, not go %s", strings.Join(explained, ", go "), args[0])
	}
	if len(args) > 1 && strings.HasPrefix(strings.TrimLeft(args[1], "-"), "C") && strings.HasPrefix(args[1], "-") {
		return nil, usage.Errorf("--explain-miss: give --dir instead of -C")
	}
	return args, nil
}

// explainMisses explains the misses of a go command with the snapshot that a restore finds.
func (r *run) explainMisses(ctx context.Context, p *project, st store.Store, plan *restore.PlanResult, command []string) (*misses.Report, error) {
	if plan.Manifest == nil {
		r.out.say("there is no snapshot, so everything that this machine did not compile before is compiled")
		return nil, nil
	}
	if plan.Build.Fetch > plan.Build.Present {
		r.out.say("most of the snapshot is not here: run this after gocache restore")
	}
	if version.Compare(p.key.Key.Go, firstCacheProg) < 0 {
		return nil, usage.Errorf("--explain-miss needs %s or later, and the project has %s", firstCacheProg, p.key.Key.Go)
	}
	return explainMiss(ctx, miss{
		project: p, command: command, snapshot: plan.Manifest, differs: plan.Differs,
		stableTimes: r.cfg.StableMtimes || readRestoreState(r, p, st).stableTimes,
	})
}

// firstCacheProg is the first version whose go command has GOCACHEPROG. Without it, asking would
// write into GOCACHE.
const firstCacheProg = "go1.24"

// A miss is what is asked: why a go command of a project would compile again what it does, with a
// snapshot.
type miss struct {
	project     *project
	command     []string
	snapshot    *snapshot.Manifest
	differs     []string // see restore.PlanResult
	stableTimes bool

	self         string // this program
	env          []string
	here, stored map[misses.ActionID]bool // what GOCACHE and the snapshot have
	scratch      string                   // a directory for what the go command writes
}

// explainMiss answers. It runs the go command such that this writes nothing.
func explainMiss(ctx context.Context, m miss) (*misses.Report, error) {
	p := m.project
	if p.buildDir == "" {
		return nil, usage.Errorf("--explain-miss needs a GOCACHE: it is off, or left alone")
	}
	var err error
	if m.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if m.scratch, err = os.MkdirTemp("", "gocache-misses-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(m.scratch)
	m.here, m.stored = map[misses.ActionID]bool{}, map[misses.ActionID]bool{}
	for _, a := range m.snapshot.Actions {
		m.stored[misses.ActionID(a.ID[:])] = true
	}
	inv, err := buildcache.Open(p.buildDir).Scan(ctx, buildcache.ScanOptions{})
	if err != nil {
		return nil, err
	}
	for _, e := range inv.Entries {
		m.here[misses.ActionID(e.Action[:])] = true
	}
	if m.has("trimpath") {
		m.differs = slices.DeleteFunc(slices.Clone(m.differs), buildenv.OfPaths)
	}
	m.env = []string{
		// The go command looks into GOCACHE through this program, which only reads.
		"GOCACHEPROG=" + quoted(m.self) + " " + cacheReader + " " + quoted(p.buildDir),
		"GOPROXY=off", "GONOPROXY=none", // nor are private modules fetched
	}
	r, err := m.explain(ctx)
	if err != nil {
		return nil, err
	}
	r.Command = "go " + strings.Join(m.command, " ")
	return r, nil
}

// quoted is an argument as GOCACHEPROG wants it, which knows no escapes.
func quoted(arg string) string {
	if strings.Contains(arg, "'") {
		return `"` + arg + `"`
	}
	return "'" + arg + "'"
}

// explain asks twice: what nothing explains at first, flags or another way to compile may.
func (m *miss) explain(ctx context.Context) (*misses.Report, error) {
	f := misses.Facts{
		Here:    func(id misses.ActionID) bool { return m.here[id] },
		Stored:  func(id misses.ActionID) bool { return m.stored[id] },
		Differs: m.differs, StableTimes: m.stableTimes, VCS: m.stamps(), Expired: m.expired(), TestFlags: m.testFlags(), Profile: m.profiles(),
	}
	if m.project.modDir != "" {
		f.Modules = map[module.Version]bool{}
		for _, v := range m.snapshot.Modules {
			f.Modules[module.Version{Path: v.Path, Version: v.Version}] = true
		}
	}
	var notes []string
	var err error
	if f.Graph, notes, err = m.graph(ctx, m.command); err != nil {
		return nil, err
	}
	if f.Tests, err = m.tests(ctx); err != nil {
		return nil, err
	}
	if f.Packages, err = m.packages(ctx, f.Graph); err != nil {
		return nil, err
	}
	f.Changes = m.changes(ctx)
	f.Inputs = m.inputs(f)
	r := misses.Explain(f)
	if left := r.Unexplained(); len(left) > 0 || r.Stamped() {
		if f.Flags, err = m.trials(ctx, r.Missing, len(left) > 0); err != nil {
			return nil, err
		}
		if f.Elsewhere, err = m.elsewhere(ctx, left); err != nil {
			return nil, err
		}
		r = misses.Explain(f)
	}
	r.Notes = notes
	return &r, nil
}

// writeMisses prints the answer for people.
func writeMisses(b *strings.Builder, r *misses.Report) {
	fmt.Fprintf(b, "\nmisses of %s\n", r.Command)
	fmt.Fprintf(b, "  %s of %s packages would be compiled again\n", quantity.Count(r.Missing), quantity.Count(r.Packages))
	switch {
	case r.NoResults != "":
		fmt.Fprintf(b, "  tests would run: %s\n", r.NoResults)
	case r.Tests > 0:
		fmt.Fprintf(b, "  the tests of %s of %s packages would run\n", quantity.Count(r.Tests-r.Cached), quantity.Count(r.Tests))
	}
	for _, note := range r.Notes {
		fmt.Fprintf(b, "  note: %s\n", strings.ReplaceAll(note, "\n", "\n    "))
	}
	for _, c := range r.Causes {
		fmt.Fprintf(b, "\n  %s: %s", c.Ingredient, quantity.Count(c.Packages))
		if c.Behind > 0 {
			fmt.Fprintf(b, ", and up to %s that import them", quantity.Count(c.Behind))
		}
		fmt.Fprintf(b, "\n    %s\n    for example %s\n", c.Evidence, strings.Join(c.Examples, ", "))
		if c.Remedy != "" {
			fmt.Fprintf(b, "    -> %s\n", c.Remedy)
		}
	}
}
