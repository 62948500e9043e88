package cli

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/goflags"
	"github.com/org/gocache-action/internal/misses"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/subprocess"
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
	return explainMiss(ctx, miss{
		project: p, command: command, snapshot: plan.Manifest, differs: plan.Differs,
		stableTimes: r.cfg.StableMtimes || readRestoreState(r, p, st).stableTimes,
	})
}

// A miss is what is asked: why a go command of a project would compile again what it does, with a
// snapshot.
type miss struct {
	project     *project
	command     []string
	snapshot    *snapshot.Manifest
	differs     []string // see restore.PlanResult
	stableTimes bool

	self   string // this program
	env    []string
	stored map[misses.ActionID]bool
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
	m.stored = map[misses.ActionID]bool{}
	for _, a := range m.snapshot.Actions {
		m.stored[misses.ActionID(a.ID[:])] = true
	}
	m.env = []string{
		// The go command looks into GOCACHE through this program, which only reads.
		"GOCACHEPROG=" + quoted(m.self) + " " + cacheReader + " " + quoted(p.buildDir),
		"GOPROXY=off",
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
		Stored:  func(id misses.ActionID) bool { return m.stored[id] },
		Modules: map[module.Version]bool{}, Differs: m.differs, StableTimes: m.stableTimes,
		VCS: m.stamps(),
	}
	for _, v := range m.snapshot.Modules {
		f.Modules[module.Version{Path: v.Path, Version: v.Version}] = true
	}
	var err error
	if f.Graph, err = m.graph(ctx, m.command); err != nil {
		return nil, err
	}
	if f.Tests, err = m.tests(ctx); err != nil {
		return nil, err
	}
	if f.Packages, err = m.packages(ctx, f.Graph); err != nil {
		return nil, err
	}
	f.Changes = m.changes(ctx)
	r := misses.Explain(f)
	if left := r.Unexplained(); len(left) > 0 {
		if f.Flags, err = m.trials(ctx, r.Missing); err != nil {
			return nil, err
		}
		if f.Elsewhere, err = m.elsewhere(ctx, left); err != nil {
			return nil, err
		}
		r = misses.Explain(f)
	}
	return &r, nil
}

// stamps reports whether the go command writes the commit into the programs that it builds.
func (m *miss) stamps() bool {
	if m.command[0] != "build" && m.command[0] != "install" {
		return false
	}
	off := goflags.String(m.project.env.GOFLAGS, "buildvcs") == "false"
	for _, arg := range m.command {
		if name, value, _ := strings.Cut(strings.TrimLeft(arg, "-"), "="); name == "buildvcs" {
			off = value == "false"
		}
	}
	return !off
}

// graph asks the go command what it would compile.
func (m *miss) graph(ctx context.Context, command []string) (*misses.Graph, error) {
	file, err := os.CreateTemp("", "gocache-graph-")
	if err != nil {
		return nil, err
	}
	file.Close()
	defer os.Remove(file.Name())
	_, stderr, err := m.run(ctx, nil, command, "-n", "-debug-actiongraph="+file.Name())
	if err != nil {
		return nil, fmt.Errorf("go %s -n: %w\n%s", strings.Join(command, " "), err, lastLines(stderr))
	}
	data, err := os.ReadFile(file.Name())
	if err != nil {
		return nil, err
	}
	return misses.ParseGraph(data)
}

// tests asks the go command which results of tests it would find. With -n it does not know, because
// what a test program is made of is written but without -n. So it runs with a -toolexec that
// compiles nothing but the main packages of tests, and links nothing.
func (m *miss) tests(ctx context.Context) (misses.Tests, error) {
	if m.command[0] != "test" {
		return misses.Tests{}, nil
	}
	if goflags.String(m.project.env.GOFLAGS, "toolexec") != "" || slices.ContainsFunc(m.command, isToolexec) {
		return misses.Tests{Disabled: "not known, as the command has a -toolexec"}, nil
	}
	tool := "-toolexec=" + quoted(m.self) + " " + compileNothing
	// Packages that would be compiled fail here, which is an answer as well.
	stdout, _, _ := m.run(ctx, nil, m.command, tool, "-vet=off")
	_, reasons, _ := m.run(ctx, []string{"GODEBUG=" + strings.TrimPrefix(m.project.env.GODEBUG+",gocachetest=1", ",")}, m.command, tool, "-vet=off")
	return misses.ParseTests(stdout, reasons), ctx.Err()
}

func isToolexec(arg string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	return name == "toolexec" && strings.HasPrefix(arg, "-")
}

// run runs a go command with more flags.
func (m *miss) run(ctx context.Context, env, command []string, flags ...string) (stdout, stderr string, err error) {
	cmd := subprocess.Command(ctx, "go", slices.Concat(command[:1], flags, command[1:])...)
	cmd.Dir = m.project.dir
	cmd.Env = slices.Concat(cmd.Environ(), m.env, env)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// lastLines shortens what a failed go command printed, which with -n is everything that it would
// have done.
func lastLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], "\n")
}

// maxArgs bounds the arguments of one go command, in bytes: Windows allows 32 KiB.
const maxArgs = 24 << 10

// packages asks go list about the packages of a graph.
func (m *miss) packages(ctx context.Context, g *misses.Graph) (map[string]misses.Package, error) {
	all := map[string]misses.Package{}
	for _, paths := range chunks(g.ImportPaths(), maxArgs) {
		out, err := goOutput(ctx, m.project.dir, m.env, append([]string{"list", "-e", "-json=" + misses.ListFields}, paths...)...)
		if err != nil {
			return nil, err
		}
		list, err := misses.ParsePackages(bytes.NewReader(out))
		if err != nil {
			return nil, err
		}
		maps.Copy(all, list)
	}
	return all, nil
}

// chunks splits a list into parts of at most a number of bytes.
func chunks(list []string, most int) (parts [][]string) {
	size := most + 1
	for _, s := range list {
		if size += len(s) + 1; size > most {
			parts, size = append(parts, nil), len(s)+1
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], s)
	}
	return parts
}

// changes asks git what happened since the snapshot was saved.
func (m *miss) changes(ctx context.Context) misses.Changes {
	c := misses.Changes{Commit: m.snapshot.Writer.Commit}
	if c.Commit == "" {
		c.Unknown = "the snapshot does not say from which commit it was saved"
		return c
	}
	files, err := ci.ChangedSince(ctx, m.project.dir, c.Commit)
	if err != nil {
		c.Unknown = err.Error()
	}
	c.Files = files
	return c
}

// trials are flags that change how everything is compiled. People give them on the command line,
// where nothing records them.
var trials = []string{"-race", "-trimpath", "-cover"}

// trials looks which flag, added or left out, finds at least half of what is missing.
func (m *miss) trials(ctx context.Context, lacking int) (found []misses.Trial, err error) {
	for _, flag := range trials {
		with := slices.Insert(slices.Clone(m.command), 1, flag)
		name := flag
		if i := slices.Index(m.command, flag); i >= 0 {
			with, name = slices.Delete(slices.Clone(m.command), i, i+1), "no "+flag
		} else if flag == "-cover" && m.command[0] == "vet" {
			continue
		}
		g, err := m.graph(ctx, with)
		if ctx.Err() != nil {
			return nil, err
		}
		if err != nil { // -race without a C compiler, for example
			continue
		}
		if n := lacking - g.Missing(func(id misses.ActionID) bool { return m.stored[id] }); n > 0 && 2*n >= lacking {
			found = append(found, misses.Trial{Flag: name, Found: n})
		}
	}
	return found, nil
}

// describeTime bounds how long outputs are read to find out which packages they are.
const describeTime = 20 * time.Second

// elsewhere looks which packages the snapshot has, however they were compiled: outputs of the build
// cache tell their import paths. It stops when it has found all that are wanted.
func (m *miss) elsewhere(ctx context.Context, wanted []string) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(ctx, describeTime)
	defer cancel()
	cache := buildcache.Open(m.project.buildDir)
	found := map[string]bool{}
	var mu sync.Mutex
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, o := range m.snapshot.Outputs {
		g.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			kind, path := cache.Describe(buildcache.Output{ID: o.ID, Size: o.Size, Exec: o.Exec})
			if kind != goentry.KindPackage || !slices.Contains(wanted, path) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if found[path] = true; len(found) == len(wanted) {
				cancel()
			}
			return nil
		})
	}
	return found, g.Wait()
}

// writeMisses prints the answer for people.
func writeMisses(b *strings.Builder, r *misses.Report) {
	fmt.Fprintf(b, "\nmisses of %s\n", r.Command)
	fmt.Fprintf(b, "  %s of %s packages would be compiled again\n", report.Count(r.Missing), report.Count(r.Packages))
	switch {
	case r.NoResults != "":
		fmt.Fprintf(b, "  tests would run: %s\n", r.NoResults)
	case r.Tests > 0:
		fmt.Fprintf(b, "  the tests of %s of %s packages would run\n", report.Count(r.Tests-r.Cached), report.Count(r.Tests))
	}
	for _, c := range r.Causes {
		fmt.Fprintf(b, "\n  %s: %s", c.Ingredient, report.Count(c.Packages))
		if c.Behind > 0 {
			fmt.Fprintf(b, ", and up to %s that import them", report.Count(c.Behind))
		}
		fmt.Fprintf(b, "\n    %s\n    for example %s\n", c.Evidence, strings.Join(c.Examples, ", "))
		if c.Remedy != "" {
			fmt.Fprintf(b, "    -> %s\n", c.Remedy)
		}
	}
}
