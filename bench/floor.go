package main

import (
	"context"
	"encoding/json"
	"fmt"
)

// floorName is the tool that does the least work needed to get the files of a restore.
const floorName = "floor"

// leastWork measures that work for what gocache has saved. The program measures its own time, since
// it first has to prepare.
func (c *chain) leastWork(ctx context.Context) error {
	if c.tool.name() != gocacheName {
		return nil
	}
	if err := c.emptyDir("caches"); err != nil {
		return err
	}
	took, err := c.succeed(ctx, nil, stage{label: "floor", dir: c.Path("project"), argv: []string{
		c.Path("bin", "floor"), "-store", c.Path("store", c.bucket(), storePrefix),
		"-mod", c.Path("caches", "mod"), "-build", c.Path("caches", "build"),
	}})
	if err != nil {
		return err
	}
	r := run{Link: c.link.name, Scenario: restoreEmpty, Tool: floorName, Round: c.round}
	if err := json.Unmarshal(took.Output, &r.Outcome); err != nil {
		return fmt.Errorf("output of floor: %w", err)
	}
	c.keep(r)
	return c.checkComplete(ctx)
}
