package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/goproxytest"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/org/gocache-action/internal/stdtest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"gocache": func() { os.Exit(run()) }})
}

// TestScripts runs testdata/script with the real command, real go and git commands, and a module
// proxy that serves the modules in testdata at the root of the repository. In addition to the
// commands of testscript, scripts can use
//
//	exits 2 gocache restore --nonsense     run a command that must end with this exit code
//	tree DIR FILE                          write a list of DIR, with sizes and times, to FILE
//	waitfor GLOB                           wait until the pattern matches something
//	count N GLOB                           demand this number of matches
//	flip GLOB [TEXT]                       change the last byte of each file that matches, and has the text
//	hide PROGRAM                           remove the directories that have it from PATH
//	stdlib                                 put the compiled standard library into GOCACHE, which is much faster than compiling it
func TestScripts(t *testing.T) {
	proxy := goproxytest.NewTestServer(t, "../../testdata/modules", "")
	slow := slowProxy(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE_SCRIPTS") != "",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "tree": tree, "waitfor": waitFor, "count": count, "flip": flip, "hide": hide, "stdlib": stdlib,
		},
		Setup: func(env *testscript.Env) error {
			env.Setenv("SLOWPROXY", slow)
			return setup(env, proxy.URL)
		},
		Condition: func(cond string) (bool, error) {
			if cond == "root" {
				return os.Geteuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// setup gives each script its own home directory and caches, and removes variables of the CI system
// that may be running the tests.
func setup(env *testscript.Env, proxy string) error {
	home := e2etest.QuietHome(env.T().(testing.TB), filepath.Join(env.WorkDir, ".home"))
	for name, value := range map[string]string{
		"HOME": home, "USERPROFILE": home, "LocalAppData": home, "XDG_CACHE_HOME": filepath.Join(home, ".cache"),
		"GIT_CONFIG_NOSYSTEM": "1", "GIT_CEILING_DIRECTORIES": filepath.Dir(env.WorkDir),
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.com",
		"GOMODCACHE": filepath.Join(env.WorkDir, ".caches", "mod"), "GOCACHE": filepath.Join(env.WorkDir, ".caches", "build"),
		"GOPROXY": proxy, "GOSUMDB": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "", "GOENV": "off",
		"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		env.Setenv(name, value)
	}
	env.Defer(func() { makeRemovable(env.WorkDir) })
	return nil
}

// makeRemovable undoes the read-only modes of module trees.
func makeRemovable(root string) {
	filepath.WalkDir(root, func(path string, d fs.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			os.Chmod(path, 0o755)
		}
		return nil
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func tree(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: tree dir file")
	}
	var b strings.Builder
	root := ts.MkAbs(args[0])
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		fmt.Fprintf(&b, "%s %v %d %v\n", filepath.ToSlash(rel), info.Mode(), info.Size(), info.ModTime())
		return nil
	}))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(b.String()), 0o644))
}

func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor glob")
	}
	for range 1200 {
		if list, _ := filepath.Glob(ts.MkAbs(args[0])); len(list) > 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("nothing matches %s", args[0])
}

func count(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: count n glob")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if list, _ := filepath.Glob(ts.MkAbs(args[1])); len(list) != want {
		ts.Fatalf("%d match %s, want %d: %q", len(list), args[1], want, list)
	}
}

func stdlib(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: stdlib")
	}
	ts.Check(stdtest.Fill(ts.Getenv("GOCACHE")))
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: flip glob [text]")
	}
	text := []byte(append(args, "")[1])
	list, _ := filepath.Glob(ts.MkAbs(args[0]))
	for _, file := range list {
		data, err := os.ReadFile(file)
		ts.Check(err)
		if len(data) == 0 || !bytes.Contains(data, text) {
			continue
		}
		data[len(data)-1] ^= 1
		ts.Check(os.Chmod(file, 0o644))
		ts.Check(os.WriteFile(file, data, 0o644))
	}
	if len(list) == 0 {
		ts.Fatalf("nothing matches %s", args[0])
	}
}

func hide(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: hide program")
	}
	var keep []string
	for _, dir := range filepath.SplitList(ts.Getenv("PATH")) {
		if list, _ := filepath.Glob(filepath.Join(dir, args[0]+"*")); !slices.ContainsFunc(list, func(file string) bool {
			base := filepath.Base(file)
			return strings.TrimSuffix(base, filepath.Ext(base)) == args[0]
		}) {
			keep = append(keep, dir)
		}
	}
	ts.Setenv("PATH", strings.Join(keep, string(filepath.ListSeparator)))
}
