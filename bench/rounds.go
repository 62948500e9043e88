package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

// measureLink measures all rounds on one link, with the tools in turns, and adds the runs to res.
func measureLink(ctx context.Context, l *lab, p *project, o options, name string, res *figures) (err error) {
	k, err := openLink(ctx, l, name)
	if err != nil {
		return err
	}
	defer k.close()
	s, roundTrip, err := startServer(ctx, l, k)
	if err != nil {
		return err
	}
	defer s.Close()
	c := &chain{lab: l, project: p, link: k, server: s}
	info := linkInfo{Name: name, Description: k.description, RoundTrip: roundTrip}
	if info.Tuning, err = tune(ctx, c); err != nil {
		return err
	}
	res.Links = append(res.Links, info)
	tools := []tool{newGocacheTool(l, s, c.bucket()), newTarTool(l, s, c.bucket(), info.Tuning.Settings)}
	if err = c.rounds(ctx, tools, o); err == nil {
		err = c.releases(ctx, tools, o)
	}
	res.Runs = append(res.Runs, c.runs...)
	if err == nil && res.Calls == nil && slices.Contains(o.scenarios, systemCalls) {
		res.Calls, err = c.systemCalls(ctx, tools[0])
	}
	if err == nil && o.frames != "" && name == o.links[0] {
		err = c.keepFrames(ctx, tools[0], filepath.Join(o.frames, p.Name))
	}
	return errors.Join(err, c.startOver(tools[0])) // leave nothing behind for a run with -keep
}

// rounds runs the chain of each tool in turns. The warm-up round loads file data, directories and
// programs into memory, and shows at once whether both tools work.
func (c *chain) rounds(ctx context.Context, tools []tool, o options) error {
	if !slices.ContainsFunc(o.scenarios, ofRounds) {
		return nil
	}
	for c.round = 0; c.round <= o.rounds; c.round++ {
		c.wanted = o.scenarios
		if c.round == 0 {
			c.wanted = []string{restoreEmpty}
		}
		for _, t := range tools {
			if err := c.all(ctx, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// ofRounds reports whether a scenario is part of the chain that all rounds repeat.
func ofRounds(scenario string) bool { return scenario != systemCalls && scenario != releaseSave }

// releases measures the save after the next patch release only once: its builds take minutes, and
// the result of interest is the number of bytes, which is always the same.
func (c *chain) releases(ctx context.Context, tools []tool, o options) error {
	if !slices.Contains(o.scenarios, releaseSave) {
		return nil
	}
	for _, t := range tools {
		if err := c.nextRelease(ctx, t); err != nil {
			return fmt.Errorf("%s, %s: %w", releaseSave, t.name(), err)
		}
	}
	return nil
}
