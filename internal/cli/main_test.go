package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/usage"
)

// execute runs a command line as a process of its own would, and returns the exit code.
func execute(ctx context.Context, out *console, args []string, env ci.Env) int {
	return (&process{out: out, env: env, version: Release{}.info()}).execute(ctx, args)
}

// TestExitCode: the exit code depends on the type of an error, even if it is wrapped or wraps
// another one.
func TestExitCode(t *testing.T) {
	plain := errors.New("disk full")
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		err  error
		want int
	}{
		{context.Background(), nil, config.ExitOK},
		{context.Background(), plain, config.ExitFailed},
		{context.Background(), fmt.Errorf("print result: %w", plain), config.ExitFailed},
		{context.Background(), usage.Errorf("unknown flag"), config.ExitUsage},
		{context.Background(), fmt.Errorf("store s3://b: %w", usage.Errorf("no bucket")), config.ExitUsage},
		{context.Background(), failure{config.ExitMiss, plain}, config.ExitMiss},
		{context.Background(), failure{config.ExitUsage, nil}, config.ExitUsage},
		{cancelled, plain, config.ExitInterrupted},
		{cancelled, usage.Errorf("unknown flag"), config.ExitInterrupted},
	} {
		if got := exitCode(c.ctx, c.err); got != c.want {
			t.Errorf("%v: exit code %d, want %d", c.err, got, c.want)
		}
	}
}

// TestWrongCommandLines: every error that cobra finds counts as wrong usage.
func TestWrongCommandLines(t *testing.T) {
	for line, want := range map[string]string{
		"restor":                               `unknown command "restor" for "gocache"`,
		"--nonsense":                           "unknown flag: --nonsense",
		"restore extra":                        `gocache restore takes no arguments, but has got "extra"`,
		"restore ./cache":                      "gocache restore takes no arguments; a store is given as --store URL",
		"restore s3://u:sesame@b":              "gocache restore takes no arguments; a store is given as --store URL",
		"save ./...":                           `gocache save takes no arguments, but has got "./..."`,
		"show":                                 "gocache show needs a snapshot: an ID or a key",
		"run":                                  "gocache run needs a command, as in: gocache run -- go build",
		"restore --store":                      "flag needs an argument",
		"save --sign-key x":                    "unknown flag: --sign-key",
		"plan both":                            `invalid argument "both"`,
		"keygen a b":                           `gocache keygen needs one name or none, and nothing after it, but has got "b"`,
		"action mian":                          `unknown command "mian" for "gocache action"`,
		"trim --max-age 0":                     "nothing to trim by",
		"ls --store https://example.com/x":     "https://example.com/x cannot be listed: name the bucket",
		"show x --store https://example.com/x": "https://example.com/x cannot be listed",
		"rm --name x --yes --store https://example.com/x": "https://example.com/x cannot be listed",
		"rm --yes --store ./x":                            "rm needs to know what to remove",
		"ls --sort age --store ./x":                       `invalid argument "age" for "--sort" flag`,
		"gc --store ./x --grace -1h":                      `invalid argument "-1h" for "--grace" flag`,
	} {
		var b bytes.Buffer
		code := execute(context.Background(), &console{stdout: &b, stderr: &b}, strings.Fields(line), func(string) string { return "" })
		if code != config.ExitUsage || !strings.Contains(b.String(), "gocache: error: "+want) || !strings.Contains(b.String(), "gocache: hint: ") {
			t.Errorf("%s: exit code %d\n%s", line, code, &b)
		}
	}
}

// TestHelpOfAllCommands: the list in the help of gocache, which is in the order of what people
// need, has every command.
func TestHelpOfAllCommands(t *testing.T) {
	for _, cmd := range newRoot(&process{out: new(console)}).Commands() {
		if listed := strings.Contains(rootLong, "\n  gocache "+cmd.Name()+" "); listed != (cmd.IsAvailableCommand() || cmd.Name() == "help") {
			t.Errorf("%s: in the list: %v", cmd.Name(), listed)
		}
	}
}

// TestFlags: no command has more flags than a user of it can read through, each is in a group of
// the help, and none takes a secret.
func TestFlags(t *testing.T) {
	const maxFlags = 32 // of restore, which has the most
	names := map[string]bool{}
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		add := func(f *pflag.Flag) {
			if f.Annotations[groupKey] != nil {
				names[f.Name] = true
			}
		}
		own := 0
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) { add(f); own++ })
		cmd.PersistentFlags().VisitAll(add)
		if own > maxFlags {
			t.Errorf("%s has %d flags", cmd.CommandPath(), own)
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(newRoot(&process{out: &console{}, env: func(string) string { return "" }}))
	for _, o := range config.Options() {
		if names[o.Name] == o.NoFlag || o.Secret && !o.NoFlag {
			t.Errorf("option %s: flag %t, secret %t", o.Name, names[o.Name], o.Secret)
		}
	}
}

// TestLimitsOfRoles: package config, which does not import the stores, has the same limits as the
// store.
func TestLimitsOfRoles(t *testing.T) {
	if config.MinRoleDuration != s3.MinRoleDuration || config.MaxRoleDuration != s3.MaxRoleDuration {
		t.Error("the limits differ")
	}
	if got := config.New(config.Restore).StallTimeout; got != s3.DefaultStallTimeout {
		t.Errorf("stall timeout %v, want %v", got, s3.DefaultStallTimeout)
	}
}
