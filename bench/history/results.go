package main

import (
	"context"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

// results is everything that a replay measured, as stored in JSON.
type results struct {
	Started  time.Time     `json:"started"`
	Finished time.Time     `json:"finished"`
	Module   string        `json:"module"`
	MaxAge   time.Duration `json:"max_age"`
	Every    int           `json:"real"` // the go commands of gocache ran at every N-th release
	Machine  machine       `json:"machine"`
	Compared []comparison  `json:"compared"`
	Runs     []run         `json:"runs"`
	Needs    []need        `json:"needs"`
}

// machine describes with what a replay was made.
type machine struct {
	kit.Machine
	Tar  string `json:"tar"`
	Zstd string `json:"zstd"`
}

func describeMachine(ctx context.Context) machine {
	return machine{kit.DescribeMachine(ctx), kit.FirstLine(ctx, "tar", "--version"), kit.ZstdVersion(ctx)}
}

// need lists the build cache entries that a release uses or makes, whatever was cached.
type need struct {
	Release string `json:"release"`
	Entries []held `json:"entries"`
}

// held is a build cache entry, with short forms of its IDs.
type held struct {
	Action string `json:"a"`
	Output string `json:"o"`
	Size   int64  `json:"s"` // of the output
}

func needOf(release string, u usage) need {
	n := need{Release: release, Entries: make([]held, len(u.working))}
	for i, e := range u.working {
		n.Entries[i] = held{shortID(e.Action), shortID(e.Output), e.Size}
	}
	return n
}

// run is one release with one policy.
type run struct {
	Policy   string      `json:"policy"`
	Release  string      `json:"release"`
	Time     time.Time   `json:"time"`
	Sum      string      `json:"sum"` // SHA-256 of go.sum
	Restored restored    `json:"restore"`
	Usage    usage       `json:"usage"` // of the build cache
	Modules  moduleUsage `json:"modules"`
	Compiles actions     `json:"compiles"`
	Vets     actions     `json:"vets"`
	// packages that were compiled although the prefix policy still had them
	Lost    []string `json:"lost,omitempty"`
	Shared  bool     `json:"shared"` // no go command was run: see shared
	Saved   saved    `json:"save"`
	Seconds float64  `json:"seconds"` // of the job
}

// hitShare is the share of compile actions that the cache had.
func (a actions) hitShare() float64 {
	if a.Needed == 0 {
		return 0
	}
	return 1 - float64(a.Executed)/float64(a.Needed)
}

// of returns the runs of a policy, in order.
func (r *results) of(policy string) (list []run) {
	for _, x := range r.Runs {
		if x.Policy == policy {
			list = append(list, x)
		}
	}
	return list
}

// warm returns the runs of a policy without the first, before which nothing is stored.
func (r *results) warm(policy string) []run {
	list := r.of(policy)
	return list[min(1, len(list)):]
}

// settled returns the runs of a policy after the time from which entries can be old enough to be
// dropped. Before that, a snapshot only grows.
func (r *results) settled(policy string) []run {
	list := r.of(policy)
	for i, x := range list {
		if x.Time.Sub(list[0].Time) > r.MaxAge {
			return list[i:]
		}
	}
	return nil
}

// figure is one number of a run.
type figure = kit.Figure[run]

func sum(list []run, f figure) (n float64) {
	for _, x := range list {
		n += f(x)
	}
	return n
}

func restoredBytes(x run) float64   { return float64(x.Usage.Restored.Bytes) }
func usedBytes(x run) float64       { return float64(x.Usage.Used.Bytes) }
func workingBytes(x run) float64    { return float64(x.Usage.Working.Bytes) }
func latestBytes(x run) float64     { return float64(x.Usage.Used.Bytes + x.Usage.Latest.Bytes) }
func restoredModules(x run) float64 { return float64(x.Modules.Restored.Bytes) }
func usedModules(x run) float64     { return float64(x.Modules.Used.Bytes) }
func neededActions(x run) float64   { return float64(x.Compiles.Needed) }
func executed(x run) float64        { return float64(x.Compiles.Executed) }
func uploaded(x run) float64        { return float64(x.Saved.Uploaded) }
func fetched(x run) float64         { return float64(x.Restored.Fetched) }
func snapshotSize(x run) float64    { return float64(x.Saved.Snapshot) }
func storeSize(x run) float64       { return float64(x.Saved.Store) }

// hits returns the share of compile actions that were found in the cache, over several runs.
func hits(list []run) float64 {
	return 1 - sum(list, executed)/max(1, sum(list, neededActions))
}

// projectSize returns what a run needs from both caches: the build cache entries that it used or
// made, and the trees of the modules that provide packages to it.
func projectSize(x run) float64 { return workingBytes(x) + usedModules(x) }

// growth compares the last ten runs with the first ten, or the two halves if there are fewer. It
// compares a figure divided by the size of the project, so that a project which needs twice the
// caches may use twice the store.
func growth(list []run, f figure) float64 {
	n := min(10, len(list)/2)
	if n == 0 {
		return 1
	}
	perProject := func(list []run) float64 { return sum(list, f) / max(1, sum(list, projectSize)) }
	return perProject(list[len(list)-n:]) / perProject(list[:n])
}

func mb(n int64) float64 { return float64(n) / 1e6 }
