package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/subprocess"
)

// compilerTime bounds how long the C compiler may take to print its version.
const compilerTime = 2 * time.Second

// buildsWith hashes those parts of the job's environment that go into action IDs. It returns nil
// where the build cache is left alone.
func (p *project) buildsWith(ctx context.Context) map[string]string {
	if p.buildDir == "" {
		return nil
	}
	env := buildenv.Env{
		Directory: p.mainDir(), GOFLAGS: p.env.GOFLAGS, Vars: p.env.builtWith,
	}
	if len(p.key.Sums.Zip) > 0 { // else nothing is compiled from there
		env.GOMODCACHE = p.env.GOMODCACHE
	}
	file, _ := os.ReadFile(p.env.GOENV) // none, or "off": nothing was set with go env -w
	for _, name := range buildenv.Settings() {
		env.Vars[name] = buildenv.Setting(name, os.Getenv, file)
	}
	if p.env.GOVERSION == p.key.Key.Go {
		env.GOROOT = p.env.GOROOT
	}
	if env.Vars["CGO_ENABLED"] == "1" {
		env.Compiler = compilerVersion(ctx, p.dir, env.Vars["CC"])
	}
	return buildenv.Hashes(env)
}

// mainDir is the directory of the workspace or of the main module.
func (p *project) mainDir() string {
	for _, file := range []string{p.env.GOWORK, p.env.GOMOD} {
		if file != "" && file != "off" && file != os.DevNull {
			return filepath.Dir(file)
		}
	}
	return p.dir
}

// compilerVersion asks the C compiler for its version as the go command does. It returns "" if
// there is no compiler that answers.
func compilerVersion(ctx context.Context, dir, cc string) string {
	fields := strings.Fields(cc)
	if len(fields) == 0 {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, compilerTime)
	defer cancel()
	cmd := subprocess.Command(ctx, fields[0], "-###", "-x", "c", "-c", "-")
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), "LC_ALL=C")
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if cmd.Run() != nil {
		return ""
	}
	return buildenv.CompilerVersion(out.String())
}
