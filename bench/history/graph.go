package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
)

// actions counts the actions of one kind in a run. Actions that several go commands of the run
// share count once.
type actions struct {
	Needed   int `json:"needed"`
	Executed int `json:"executed"` // not found in the cache
}

// graphs has the "-debug-actiongraph" output of all go commands of one run.
type graphs struct {
	compiles map[string]compile // by action ID
	// vet actions have no ID, so they are counted for each command; zero if no go command ran
	vets actions
}

type compile struct {
	pkg      string
	executed bool
}

// shortID returns an action ID as the go command prints it (buildid.HashToString).
func shortID(id digest.ID) string { return base64.RawURLEncoding.EncodeToString(id[:15]) }

// given returns the graph that the same go commands would have with a cache of other entries.
func (g *graphs) given(have map[digest.ID]bool) *graphs {
	known := make(map[string]bool, len(have))
	for id := range have {
		known[shortID(id)] = true
	}
	other := &graphs{compiles: make(map[string]compile, len(g.compiles))}
	for id, c := range g.compiles {
		other.compiles[id] = compile{pkg: c.pkg, executed: !known[id]}
	}
	return other
}

// node is an action in the file that -debug-actiongraph writes (cmd/go/internal/work.actionJSON).
type node struct {
	Mode     string
	Package  string
	ActionID string   // only of what can be cached
	Cmd      []string // the commands that were run; none if the result was in the cache
}

// add reads the graph of one go command. A compile action has the mode "build", and includes asm
// and cgo. The mode "build check cache" is only a look-up, and "link" is never cached.
func (g *graphs) add(data []byte) error {
	var nodes []node
	if err := json.Unmarshal(data, &nodes); err != nil {
		return fmt.Errorf("action graph: %w", err)
	}
	if g.compiles == nil {
		g.compiles = map[string]compile{}
	}
	for _, n := range nodes {
		ran := len(n.Cmd) > 0
		switch {
		case n.Mode == "build" && n.ActionID != "":
			// "go vet" finds what "go build" had to compile. For the run, that is still a miss.
			old := g.compiles[n.ActionID]
			g.compiles[n.ActionID] = compile{pkg: n.Package, executed: ran || old.executed}
		case n.Mode == "vet" && n.Package != "unsafe": // nothing is ever done for unsafe
			g.vets.Needed++
			if ran {
				g.vets.Executed++
			}
		}
	}
	return nil
}

// prune drops the actions that neither ran a command nor have an entry in the cache after the run:
// the go command planned them, and then found that nothing needs their output or that they have no
// file to compile.
func (g *graphs) prune(after *buildcache.Inventory) {
	known := make(map[string]bool, len(after.Entries))
	for _, e := range after.Entries {
		known[shortID(e.Action)] = true
	}
	maps.DeleteFunc(g.compiles, func(id string, c compile) bool { return !c.executed && !known[id] })
}

func (g *graphs) compiled() (a actions) {
	a.Needed = len(g.compiles)
	for _, c := range g.compiles {
		if c.executed {
			a.Executed++
		}
	}
	return a
}
