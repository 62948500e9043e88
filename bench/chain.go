package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/org/gocache-action/bench/internal/kit"
)

// The scenarios, in the order in which they occur in a chain of jobs.
const (
	firstSave     = "first-save"     // the reference caches, into an empty bucket
	restoreEmpty  = "restore"        // into empty directories, on a new machine
	unchangedSave = "unchanged-save" // after a job that changed nothing
	editSave      = "edit-save"      // after a job with one changed source file
	upgradeSave   = "upgrade-save"   // after a job with one upgraded dependency
	// after the job of the next patch release, over restored caches
	releaseSave = "release-save"
	restoreOver = "restore-over" // over existing caches, as on a self-hosted machine
	systemCalls = "system-calls" // a restore into empty directories under strace, not timed
	leastWork   = "floor"        // the work that every restore has to do; see floor.go
)

var scenarioNames = []string{firstSave, restoreEmpty, unchangedSave, editSave, upgradeSave, releaseSave, restoreOver, systemCalls, leastWork}

// chain is a sequence of CI jobs with one tool, starting with an empty bucket.
type chain struct {
	*lab
	*project
	link   *link
	server *kit.Server
	wanted []string // scenarios
	round  int      // 0 is the warm-up, which is not recorded

	tool   tool
	number int // of the last save
	runs   []run
}

// run is one measured step of a chain.
type run struct {
	Link     string `json:"link"`
	Scenario string `json:"scenario"`
	Tool     string `json:"tool"`
	Round    int    `json:"round"`
	kit.Outcome
	ServerCPU float64            `json:"server_cpu"`
	Stages    map[string]float64 `json:"stages"` // seconds by command
	change
	Requests map[string]int `json:"requests"`
	// Problems counts the lines on standard error, Problem is the first of them.
	Problems int             `json:"problems"`
	Problem  string          `json:"problem,omitempty"`
	Report   json.RawMessage `json:"report,omitempty"` // what gocache printed
}

func (c *chain) bucket() string { return "bench" }

// wants reports whether a scenario was requested, or another one needs it: all start with the first
// save, and all others also with a restore.
func (c *chain) wants(scenario string) bool {
	others := slices.ContainsFunc(c.wanted, func(s string) bool { return s != firstSave && s != systemCalls && s != leastWork && s != releaseSave })
	return scenario == firstSave || scenario == restoreEmpty && others || slices.Contains(c.wanted, scenario)
}

// all runs the chain with one tool.
func (c *chain) all(ctx context.Context, t tool) error {
	if err := c.startOver(t); err != nil {
		return err
	}
	steps := []struct {
		name string
		do   func(context.Context) error
	}{
		{firstSave, c.firstSave}, {leastWork, c.leastWork}, {restoreEmpty, c.restore}, {unchangedSave, c.unchangedSave},
		{editSave, c.editSave}, {upgradeSave, c.upgradeSave}, {restoreOver, c.restoreOver},
	}
	for _, step := range steps {
		if !c.wants(step.name) || !c.has(step.name) {
			continue
		}
		if err := step.do(ctx); err != nil {
			return fmt.Errorf("round %d, %s, %s: %w", c.round, step.name, t.name(), err)
		}
	}
	return nil
}

// startOver empties the bucket and the caches, and resets the project.
func (c *chain) startOver(t tool) error {
	c.tool, c.number = t, 0
	return errors.Join(c.server.NewBucket(c.bucket()), c.emptyCaches(), c.reset(), t.clean(true))
}

func (c *chain) emptyCaches() error {
	return errors.Join(c.emptyDir("caches"), c.emptyDir("caches", "mod"), c.emptyDir("caches", "build"))
}

// withReference puts the reference caches in place of the caches while f runs.
func (c *chain) withReference(f func() error) error {
	if err := os.RemoveAll(c.Path("caches")); err != nil {
		return err
	}
	if err := os.Rename(c.Path("reference"), c.Path("caches")); err != nil {
		return err
	}
	return errors.Join(f(), os.Rename(c.Path("caches"), c.Path("reference")))
}

func (c *chain) firstSave(ctx context.Context) error {
	return c.withReference(func() error { return c.save(ctx, firstSave) })
}

func (c *chain) restore(ctx context.Context) error {
	if err := c.emptyCaches(); err != nil {
		return err
	}
	if err := c.record(ctx, restoreEmpty, c.tool.restore(c.number)); err != nil {
		return err
	}
	return c.checkComplete(ctx)
}

// unchangedSave is only for gocache, since actions/cache saves nothing under a key that exists.
func (c *chain) unchangedSave(ctx context.Context) error {
	if c.tool.name() == tarName {
		return nil
	}
	return c.record(ctx, unchangedSave, c.tool.save(c.number))
}

func (c *chain) editSave(ctx context.Context) error {
	if err := c.editJob(ctx); err != nil {
		return err
	}
	return c.save(ctx, editSave)
}

func (c *chain) upgradeSave(ctx context.Context) error {
	if err := c.upgradeJob(ctx); err != nil {
		return err
	}
	return c.save(ctx, upgradeSave)
}

// nextRelease is a chain of its own: a first save, and then on a new machine the job of the next
// patch release, which restores what is stored, runs, and saves. Only the last step is recorded.
func (c *chain) nextRelease(ctx context.Context, t tool) error {
	c.round, c.wanted = 0, nil
	if err := c.all(ctx, t); err != nil {
		return err
	}
	if err := errors.Join(c.emptyCaches(), c.useRelease(released)); err != nil {
		return err
	}
	for _, s := range t.restore(c.number) {
		if _, err := c.succeed(ctx, t.env(), s); err != nil {
			return err
		}
	}
	if err := errors.Join(t.clean(false), c.releaseJob(ctx)); err != nil {
		return err
	}
	c.round = 1
	return c.save(ctx, releaseSave)
}

func (c *chain) restoreOver(ctx context.Context) error {
	return c.record(ctx, restoreOver, c.tool.restore(c.number))
}

func (c *chain) save(ctx context.Context, scenario string) error {
	c.number++
	return c.record(ctx, scenario, c.tool.save(c.number))
}

// record measures a step with everything around it, and keeps the result.
func (c *chain) record(ctx context.Context, scenario string, stages []stage) error {
	r := run{Link: c.link.name, Scenario: scenario, Tool: c.tool.name(), Round: c.round, Stages: map[string]float64{}}
	before, err := c.settle(ctx)
	if err != nil {
		return err
	}
	for _, s := range stages {
		took, err := c.measure(ctx, c.link, c.tool.env(), s)
		if err != nil {
			return fmt.Errorf("%s: %w", s.label, err)
		}
		r.Stages[s.label] = took.Wall
		r.Outcome = then(r.Outcome, took)
	}
	if err := c.complete(&r, before); err != nil {
		return err
	}
	c.keep(r)
	return c.tool.clean(false)
}

// keep records a run, unless it belongs to the warm-up.
func (c *chain) keep(r run) {
	if c.round > 0 {
		c.runs = append(c.runs, r)
	}
	logf("%s round %d: %-14s %-8s %6.2f s", r.Link, r.Round, r.Scenario, r.Tool, r.Wall)
}

// situation is the state of the server before a step.
type situation struct {
	objects map[string]kit.Object
	cpu     float64
}

// settle lets earlier work finish: pages not yet written, and lines of the server's log.
func (c *chain) settle(ctx context.Context) (s situation, err error) {
	if err := kit.Do(ctx, "sync"); err != nil {
		return s, err
	}
	if _, err := c.server.Requests(); err != nil {
		return s, err
	}
	if s.objects, err = c.server.Objects(c.bucket()); err != nil {
		return s, err
	}
	s.cpu, err = c.server.CPU()
	return s, err
}

// complete adds what the step did to the server, and checks its outcome.
func (c *chain) complete(r *run, before situation) error {
	used, err := c.server.CPU()
	if err != nil {
		return err
	}
	r.ServerCPU = used - before.cpu
	count, err := c.server.Requests()
	if err != nil {
		return err
	}
	r.Requests = count.Kinds
	after, err := c.server.Objects(c.bucket())
	if err != nil {
		return err
	}
	r.change = compare(before.objects, after)
	r.explain()
	if r.Exit != 0 && !(r.Tool == tarName && r.Scenario == restoreOver) {
		return r.Failure(r.Tool)
	}
	return nil
}

// explain keeps the output of the tool.
func (r *run) explain() {
	if text := strings.TrimSpace(string(r.Errors)); text != "" {
		lines := strings.Split(text, "\n")
		r.Problems, r.Problem = len(lines), lines[0]
	}
	if r.Tool == gocacheName && json.Valid(r.Output) {
		r.Report = r.Output
	}
}

// succeed measures a stage that is not recorded, and which must succeed.
func (c *chain) succeed(ctx context.Context, env []string, s stage) (kit.Outcome, error) {
	if err := kit.Do(ctx, "sync"); err != nil {
		return kit.Outcome{}, err
	}
	took, err := c.measure(ctx, c.link, env, s)
	if err == nil {
		err = took.Failure(s.label)
	}
	return took, err
}
