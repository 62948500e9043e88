package main

import "net/url"

const (
	gocacheName = "gocache"
	tarName     = "tar"
)

// tool is one of the two things that are compared. The saves of a chain of jobs have the numbers
// 1, 2 and so on, as the digests of their module files differ.
type tool interface {
	name() string
	// env returns the variables for its commands, besides those of the lab.
	env() []string
	// save and restore return its commands, in order; the caches are in "caches".
	save(number int) []stage
	restore(number int) []stage
	// clean removes what the tool left on the file system, outside of the measured time:
	// after each step, or before a new chain of jobs.
	clean(newChain bool) error
}

// storePrefix is where in the bucket gocache keeps its objects.
const storePrefix = "prefix"

// gocacheTool runs the commands of gocache with the same flags in all scenarios.
type gocacheTool struct {
	*lab
	store string // URL
}

func newGocacheTool(l *lab, s *server, bucket string) *gocacheTool {
	query := url.Values{"region": {"us-east-1"}, "endpoint": {s.endpoint}, "path-style": {"true"}}
	return &gocacheTool{lab: l, store: "s3://" + bucket + "/" + storePrefix + "?" + query.Encode()}
}

func (t *gocacheTool) name() string { return gocacheName }

func (t *gocacheTool) env() []string { return nil }

// The number is not used: gocache makes its keys from the module files itself.
func (t *gocacheTool) save(int) []stage    { return t.command("save") }
func (t *gocacheTool) restore(int) []stage { return t.command("restore") }

func (t *gocacheTool) command(verb string) []stage {
	return []stage{{label: "gocache " + verb, dir: t.path("project"), argv: []string{
		t.path("bin", "gocache"), verb, "--store", t.store,
		"--name", "bench", "--repo", "bench", "--scope", "main", "--default-scope", "main",
		"--dir", t.path("project"), "--state", t.stateFile(), "--quiet", "--json",
	}}}
}

func (t *gocacheTool) stateFile() string { return t.path("home", "state", "bench.json") }

// clean forgets the state between chains; within one, a save knows what was restored.
func (t *gocacheTool) clean(newChain bool) error {
	if newChain {
		return t.emptyDir("home", "state")
	}
	return nil
}
