// Package misses says why a go command compiles packages again, or runs tests again, although a
// snapshot was restored. What a command would do it reads from the action graph that the go command
// prints, and from what that says of cached test results; which ingredient of an action differs
// follows from comparing the job with the snapshot. All of it is pure.
//
// The facts come from cmd/go/internal/work and cmd/go/internal/test of go1.26.
package misses

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// An ActionID is as much of the ID of an action as the graph tells: its first 15 bytes
// (cmd/internal/buildid.HashToString).
type ActionID [15]byte

// A Graph is what a go command would compile, from `go build -n -debug-actiongraph`.
type Graph struct {
	Builds []Build
}

// A Build is the compilation of a package. A package is compiled more than once if a test adds
// files to it, or to what it imports.
type Build struct {
	Package string // import path
	ID      ActionID
	Deps    []int // indices into Graph.Builds
}

// action is one of cmd/go/internal/work.actionJSON.
type action struct {
	ID       int
	Mode     string
	Package  string
	Deps     []int
	ActionID string
}

// ParseGraph reads the file of -debug-actiongraph.
func ParseGraph(data []byte) (*Graph, error) {
	var actions []action
	if err := json.Unmarshal(data, &actions); err != nil {
		return nil, fmt.Errorf("action graph: %w", err)
	}
	g, place := new(Graph), map[int]int{}
	deps := [][]int{}
	for _, a := range actions {
		if a.Mode != "build" || a.ActionID == "" || isTestMain(a.Package) {
			continue
		}
		id, err := base64.RawURLEncoding.DecodeString(a.ActionID)
		if err != nil || len(id) != len(ActionID{}) {
			return nil, fmt.Errorf("action graph: %s has the action ID %.50q", a.Package, a.ActionID)
		}
		place[a.ID] = len(g.Builds)
		g.Builds = append(g.Builds, Build{Package: a.Package, ID: ActionID(id)})
		deps = append(deps, a.Deps)
	}
	for i, list := range deps {
		for _, d := range list {
			if at, ok := place[d]; ok {
				g.Builds[i].Deps = append(g.Builds[i].Deps, at)
			}
		}
	}
	return g, nil
}

// isTestMain reports whether a package is the main program of a test, which the go command makes up
// and which is compiled in an instant.
func isTestMain(pkg string) bool { return strings.HasSuffix(pkg, ".test") }

// ImportPaths lists the packages, sorted. A test outside of its package counts as that package.
func (g *Graph) ImportPaths() []string {
	paths := map[string]bool{}
	for _, b := range g.Builds {
		paths[b.Package] = true
	}
	for path := range paths {
		if tested, ok := strings.CutSuffix(path, "_test"); ok && paths[tested] {
			delete(paths, path)
		}
	}
	return slices.Sorted(maps.Keys(paths))
}

// Missing counts the builds that are not here.
func (g *Graph) Missing(here func(ActionID) bool) (n int) {
	for _, b := range g.Builds {
		if !here(b.ID) {
			n++
		}
	}
	return n
}
