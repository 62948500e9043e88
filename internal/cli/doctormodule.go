package cli

import (
	"context"
	"os"
	"time"

	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/whymodule"
)

// doctorModuleLong is the part of the help that is about MODULE.
const doctorModuleLong = `With MODULE or MODULE@QUERY it asks everybody who could know, at once: the module
files and the module graph, the module cache, each proxy of GOPROXY, the repository
(not with --no-vcs), and the checksum database. It ends with the one command that
helps most. It writes nothing, and private modules are asked about where the go
command would.`

// doctorModule says why the project gets the version of a module that it gets.
func doctorModule(ctx context.Context, r *run, args []string) error {
	target, err := whymodule.ParseTarget(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	o, err := moduleOptions(ctx, r)
	if err != nil {
		return err
	}
	answer, err := whymodule.Explain(ctx, target, o)
	if err != nil {
		return r.end.finish(ctx, err)
	}
	if err := r.out.result(answer, answer.Write); err != nil {
		return err
	}
	return unlessFailed(answer.Status)
}

// moduleOptions asks the go command for its settings.
func moduleOptions(ctx context.Context, r *run) (o whymodule.Options, err error) {
	dir, err := projectDir(r.cfg.Dir)
	if err != nil {
		return o, err
	}
	env, err := readGoEnv(ctx, dir)
	if err != nil {
		return o, err
	}
	return whymodule.Options{
		Dir: dir, Settings: moduleSettings(r, env), ModDir: env.GOMODCACHE, GOMOD: env.GOMOD, GOWORK: env.GOWORK, GODEBUG: env.GODEBUG,
		NoVCS: r.cfg.NoVCS, DB: env.sumDB(), Now: time.Now(), Run: goCommandOutput,
		Login: r.login(),
	}, nil
}

// routing are the settings that say who is asked about a module.
var routing = []string{"GOPROXY", "GOPRIVATE", "GONOPROXY", "GONOSUMDB", "GOSUMDB", "GOVCS", "GOFLAGS", "GOAUTH"}

// moduleSettings are those of env, with where each of them comes from.
func moduleSettings(r *run, env goEnv) whymodule.Settings {
	s := whymodule.Settings{
		GOPROXY: env.GOPROXY, GOPRIVATE: env.GOPRIVATE, GONOPROXY: env.GONOPROXY, GONOSUMDB: env.GONOSUMDB, GOSUMDB: env.GOSUMDB,
		GOVCS: env.GOVCS, GOFLAGS: env.GOFLAGS, GOAUTH: env.GOAUTH, Source: map[string]string{},
	}
	file, _ := os.ReadFile(env.GOENV) // none, or "off": nothing was set with go env -w
	written := buildenv.EnvFile(file)
	for _, name := range routing {
		switch {
		case r.env(name) != "":
			s.Source[name] = whymodule.FromEnvironment
		case written[name] != "":
			s.Source[name] = whymodule.FromFile
		}
	}
	return s
}
