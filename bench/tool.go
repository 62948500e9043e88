package main

import "github.com/org/gocache-action/bench/internal/kit"

const (
	gocacheName = "gocache"
	tarName     = "tar"
)

// tool is one of the two tools that are compared. The saves in a chain of jobs have the numbers 1,
// 2 and so on, since the digests of their module files differ.
type tool interface {
	name() string
	// env returns the variables for its commands, in addition to those of the lab.
	env() []string
	// save and restore return its commands, in order; the caches are in "caches".
	save(number int) []stage
	restore(number int) []stage
	// clean removes what the tool has left on the file system, outside the measured time: after
	// each step, or before a new chain of jobs.
	clean(newChain bool) error
}

// storePrefix is the prefix of gocache's objects in the bucket.
const storePrefix = "prefix"

// gocacheTool runs the commands of gocache with the same flags in all scenarios.
type gocacheTool struct {
	*lab
	store string // URL
}

func newGocacheTool(l *lab, s *kit.Server, bucket string) *gocacheTool {
	return &gocacheTool{lab: l, store: s.URL(bucket, storePrefix)}
}

func (t *gocacheTool) name() string { return gocacheName }

func (t *gocacheTool) env() []string { return nil }

// The number is not used: gocache derives its keys from the module files.
func (t *gocacheTool) save(int) []stage    { return t.command("save") }
func (t *gocacheTool) restore(int) []stage { return t.command("restore") }

func (t *gocacheTool) command(verb string) []stage {
	return []stage{{label: "gocache " + verb, dir: t.Path("project"), argv: []string{
		t.Path("bin", "gocache"), verb, "--store", t.store,
		"--name", "bench", "--repo", "bench", "--scope", "main", "--default-scope", "main",
		"--dir", t.Path("project"), "--state", t.stateFile(), "--quiet", "--json",
	}}}
}

func (t *gocacheTool) stateFile() string { return t.Path("home", "state", "bench.json") }

// clean removes the state between chains; within one, a save uses the state of the restore.
func (t *gocacheTool) clean(newChain bool) error {
	if newChain {
		return t.emptyDir("home", "state")
	}
	return nil
}
