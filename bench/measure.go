package main

import (
	"context"
	"slices"

	"github.com/org/gocache-action/bench/internal/kit"
)

// stage is one command of a tool's work.
type stage struct {
	label string
	dir   string
	argv  []string
}

// then returns the outcome of work in which a was done first and b after it.
func then(a, b kit.Outcome) kit.Outcome {
	return kit.Outcome{
		Cost: kit.Cost{
			Wall: a.Wall + b.Wall, User: a.User + b.User, System: a.System + b.System,
			MaxRSS: max(a.MaxRSS, b.MaxRSS),
		},
		SumRSS: max(a.SumRSS, b.SumRSS), Exit: max(a.Exit, b.Exit),
		Output: slices.Concat(a.Output, b.Output), Errors: slices.Concat(a.Errors, b.Errors),
	}
}

// measure runs a stage as the user at the client's end of the link.
func (l *lab) measure(ctx context.Context, k *link, env []string, s stage) (kit.Outcome, error) {
	return kit.Command{
		Argv: asUser(s.argv...), Dir: s.dir, Env: slices.Concat(l.env, env), Enter: k.client, Temp: l.Path("tmp"),
	}.Measure(ctx)
}
