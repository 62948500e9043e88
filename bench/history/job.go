package main

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// steps are the commands of a CI job. "test -c" compiles and links the tests of all packages;
// running them would measure the tests.
var steps = [][]string{
	{"build", "./..."},
	{"vet", "./..."},
	{"test", "-c", "-o", os.DevNull, "./..."},
}

// runJob runs the steps, and returns what they compiled.
func (l *lab) runJob(ctx context.Context) (*graphs, error) {
	g := new(graphs)
	file := l.Path("tmp", "graph.json")
	for _, step := range steps {
		args := slices.Concat(step[:1], []string{"-debug-actiongraph=" + file}, step[1:])
		if _, err := l.goCommand(ctx, l.Path("project"), l.jobEnv(), args...); err != nil {
			return nil, err
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if err := g.add(data); err != nil {
			return nil, fmt.Errorf("go %s: %w", step[0], err)
		}
	}
	return g, os.Remove(file)
}
