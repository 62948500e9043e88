package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/goflags"
	"github.com/org/gocache-action/internal/misses"
	"github.com/org/gocache-action/internal/subprocess"
)

// flag returns the value of a flag of the command, and whether it has it.
func (m *miss) flag(name string) (value string, ok bool) {
	for i, arg := range m.command {
		is, val, has := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if !strings.HasPrefix(arg, "-") || is != name {
			continue
		}
		if !has && i+1 < len(m.command) {
			val = m.command[i+1] // meaningless for a switch
		}
		value, ok = val, true
	}
	return value, ok
}

// has reports whether the command has a switch, in its arguments or in GOFLAGS.
func (m *miss) has(name string) bool {
	value, ok := m.flag(name)
	return ok && value != "false" || !ok && goflags.Bool(m.project.env.GOFLAGS, name)
}

// gives reports whether the command has a flag with a value, in its arguments or in GOFLAGS.
func (m *miss) gives(name string) bool {
	_, ok := m.flag(name)
	return ok || goflags.String(m.project.env.GOFLAGS, name) != ""
}

// stamps reports whether the go command writes the commit into the programs that it builds.
func (m *miss) stamps() bool {
	value, ok := m.flag("buildvcs")
	if !ok {
		value = goflags.String(m.project.env.GOFLAGS, "buildvcs")
	}
	return value != "false" && (m.command[0] == "build" || m.command[0] == "install")
}

// resultFlags are the flags of go test that do not prevent results from being cached, and that are
// part of what identifies a result (cmd/go/internal/test.tryCacheWithID, since go1.10).
var resultFlags = []string{"benchtime", "cpu", "failfast", "fullpath", "list", "parallel", "run", "short", "skip", "timeout", "v"}

// testFlags are those of the command that are part of the results of its tests.
func (m *miss) testFlags() (list []string) {
	if m.command[0] != "test" {
		return nil
	}
	for i, arg := range m.command {
		name, _, has := strings.Cut(strings.TrimPrefix(strings.TrimLeft(arg, "-"), "test."), "=")
		if !strings.HasPrefix(arg, "-") || !slices.Contains(resultFlags, name) {
			continue
		}
		list = append(list, arg)
		if isSwitch := slices.Contains([]string{"failfast", "fullpath", "short", "v"}, name); !has && !isSwitch && i+1 < len(m.command) {
			list = append(list, m.command[i+1])
		}
	}
	return list
}

// profiles reports whether tests need a coverage profile beside their result.
func (m *miss) profiles() bool { return m.gives("coverprofile") || m.gives("coverpkg") }

// expired reports whether `go clean -testcache` was run after the snapshot was saved: that writes
// the time into a file of GOCACHE (cmd/go/internal/test.initTestCache).
func (m *miss) expired() bool {
	text, err := os.ReadFile(filepath.Join(m.project.buildDir, "testexpire.txt"))
	if err != nil {
		return false
	}
	nanos, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	return err == nil && time.Unix(0, nanos).After(m.snapshot.Writer.Time)
}

// graph asks the go command what it would compile. The notes name what it cannot load.
func (m *miss) graph(ctx context.Context, command []string) (g *misses.Graph, notes []string, err error) {
	file := filepath.Join(m.scratch, "graph.json")
	defer os.Remove(file)
	_, stderr, failed := m.run(ctx, nil, command, "-n", "-debug-actiongraph="+file)
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if failed != nil {
		notes = []string{fmt.Sprintf("go %s -n: %v\n%s", strings.Join(command, " "), failed, complaints(stderr))}
		if strings.Contains(stderr, "GOPROXY=off") {
			notes = append(notes, "modules are missing here: run go mod download first")
		}
	}
	data, err := os.ReadFile(file)
	if err == nil {
		g, err = misses.ParseGraph(data)
	}
	if failed != nil && (err != nil || len(g.Builds) == 0) {
		return nil, nil, errors.New(strings.Join(notes, "\n"))
	}
	return g, notes, err
}

// tests asks the go command which results of tests it would find. With -n it does not know, because
// it identifies test programs by files that it writes only without -n. So it runs with a -toolexec
// that compiles nothing but the main packages of tests, and links nothing.
func (m *miss) tests(ctx context.Context) (misses.Tests, error) {
	if m.command[0] != "test" {
		return misses.Tests{}, nil
	}
	if m.gives("toolexec") {
		return misses.Tests{Disabled: "not known, as the command has a -toolexec"}, nil
	}
	tool := "-toolexec=" + quoted(m.self) + " " + compileNothing
	// Packages that would be compiled fail here, which is an answer as well.
	command := slices.DeleteFunc(slices.Clone(m.command), func(arg string) bool { return strings.TrimLeft(arg, "-") == "json" && arg != "json" })
	stdout, _, _ := m.run(ctx, nil, command, tool, "-vet=off", "-json=false")
	_, reasons, _ := m.run(ctx, []string{"GODEBUG=" + strings.TrimPrefix(m.project.env.GODEBUG+",gocachetest=1", ",")}, command, tool, "-vet=off", "-json=false")
	return misses.ParseTests(stdout, reasons), ctx.Err()
}

// run runs a go command with more flags. The go command would empty the file of a coverage profile
// even with -n, so it gets another one.
func (m *miss) run(ctx context.Context, env, command []string, flags ...string) (stdout, stderr string, err error) {
	const profile = "-coverprofile="
	elsewhere := profile + filepath.Join(m.scratch, "cover.out")
	args := slices.Concat(command[:1], flags, command[1:])
	if goflags.String(m.project.env.GOFLAGS, "coverprofile") != "" {
		args = slices.Insert(args, 1, elsewhere)
	}
	for i, arg := range args {
		switch name := "-" + strings.TrimLeft(arg, "-"); {
		case strings.HasPrefix(name, profile):
			args[i] = elsewhere
		case name+"=" == profile && i+1 < len(args):
			args[i], args[i+1] = elsewhere, "-json=false"
		}
	}
	cmd := subprocess.Command(ctx, "go", args...)
	cmd.Dir = m.project.dir
	cmd.Env = slices.Concat(cmd.Environ(), m.env, env)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// complaint matches a line in which a go command says what is wrong, among those in which it says
// what it would do.
var complaint = regexp.MustCompile(`^go: |\.go:\d+:\d+: |GOPROXY=off`)

// complaints shortens what a failed go command printed.
func complaints(stderr string) string {
	lines := strings.Split(strings.TrimSpace(stderr), "\n")
	var found []string
	for i, line := range lines {
		// After a line that ends in a colon comes the command that the go command advises.
		if complaint.MatchString(line) || i > 0 && strings.HasPrefix(lines[i-1], "go: ") && strings.HasSuffix(lines[i-1], ":") {
			found = append(found, line)
		}
	}
	if len(found) == 0 {
		found = lines[max(0, len(lines)-3):]
	}
	return strings.Join(found[:min(len(found), 5)], "\n")
}

// maxArgs bounds the arguments of one go command, in bytes: Windows allows 32 KiB.
const maxArgs = 24 << 10

// packages asks go list about the packages of a graph.
func (m *miss) packages(ctx context.Context, g *misses.Graph) (map[string]misses.Package, error) {
	all := map[string]misses.Package{}
	var flags []string
	for _, name := range []string{"tags", "mod", "modfile"} {
		if value, ok := m.flag(name); ok {
			flags = append(flags, "-"+name+"="+value)
		}
	}
	for _, paths := range batches(g.ImportPaths(), maxArgs) {
		out, err := goOutput(ctx, m.project.dir, m.env, slices.Concat([]string{"list", "-e", "-json=" + misses.ListFields}, flags, paths)...)
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

// batches splits a list into parts of at most so many bytes.
func batches(list []string, most int) (parts [][]string) {
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
		c.Unknown, c.Shallow = err.Error(), errors.Is(err, ci.ErrNoHistory)
	}
	c.Files = files
	c.Same = err == nil && len(files) == 0 && ci.ReadGit(ctx, m.project.dir).Commit == c.Commit
	for _, file := range files {
		if filepath.Base(file) == "go.mod" && m.goLineChanged(ctx, file) {
			c.GoLines = append(c.GoLines, file)
		}
	}
	return c
}

// goLineChanged reports whether a go.mod has another go line than the one from which the snapshot
// was saved.
func (m *miss) goLineChanged(ctx context.Context, file string) bool {
	before, err := ci.FileAt(ctx, file, m.snapshot.Writer.Commit)
	if err != nil {
		return false
	}
	now, err := os.ReadFile(file)
	return err == nil && goLine(before) != goLine(now)
}

func goLine(text []byte) string {
	f, err := modfile.ParseLax("go.mod", text, nil)
	if err != nil || f.Go == nil {
		return ""
	}
	return f.Go.Version
}

// trials are flags that change how everything is compiled. People give them on the command line,
// where nothing records them.
var trials = []string{"-race", "-trimpath", "-cover", "-tags", "-ldflags", "-gcflags", "-asmflags"}

// valued are those of trials that take a value. A command without them says nothing of the value to
// try.
var valued = trials[3:]

// trials tries the command without each of its flags and, if add is set, with each of the others.
// It returns those with which at least half of what is lacking is there.
func (m *miss) trials(ctx context.Context, lacking int, add bool) (found []misses.Trial, err error) {
	for _, flag := range trials {
		with, name, ok := otherwise(m.command, flag)
		if !ok || !add && len(with) > len(m.command) {
			continue
		}
		g, _, err := m.graph(ctx, with)
		if ctx.Err() != nil {
			return nil, err
		}
		if err != nil { // -race without a C compiler, for example
			continue
		}
		if n := lacking - g.Missing(func(id misses.ActionID) bool { return m.here[id] }); n > 0 && 2*n >= lacking {
			found = append(found, misses.Trial{Flag: name, Found: n})
		}
	}
	return found, nil
}

// otherwise returns a command with a flag, or without it if it has it; ok is false if the command
// cannot take the flag.
func otherwise(command []string, flag string) (with []string, name string, ok bool) {
	with = slices.Clone(command)
	for i, arg := range command[1:] {
		arg = "-" + strings.TrimLeft(arg, "-")
		value, isAssigned := strings.CutPrefix(arg, flag+"=")
		switch {
		case isAssigned && value != "":
			return slices.Delete(with, i+1, i+2), "no " + arg, true
		case arg == flag && slices.Contains(valued, flag) && i+2 < len(command):
			return slices.Delete(with, i+1, i+3), "no " + flag + " " + command[i+2], true
		case arg == flag && !slices.Contains(valued, flag):
			return slices.Delete(with, i+1, i+2), "no " + flag, true
		}
	}
	if slices.Contains(valued, flag) || flag == "-cover" && command[0] == "vet" {
		return nil, "", false
	}
	return slices.Insert(with, 1, flag), flag, true
}

// describeTime bounds how long outputs are read to find out which packages they are.
const describeTime = 20 * time.Second

// elsewhere finds out which packages the snapshot has, however they were compiled: outputs of the
// build cache tell their import paths. It stops when it has found all that are wanted.
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
