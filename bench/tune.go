package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/org/gocache-action/bench/internal/kit"
)

// Settings of rclone that are tried on every link. The fastest are used, so that the tar pipeline
// is measured at its best. The first of each list is close to rclone's defaults.
var (
	uploadSettings = []rcloneSettings{
		{ChunkMiB: 5, Concurrency: 4}, {ChunkMiB: 8, Concurrency: 8}, {ChunkMiB: 16, Concurrency: 4},
		{ChunkMiB: 16, Concurrency: 8}, {ChunkMiB: 16, Concurrency: 16}, {ChunkMiB: 32, Concurrency: 8},
	}
	downloadStreams = []int{4, 1, 2, 8, 16}
)

// tries is how often each setting is tried; the best time counts.
const tries = 2

// trial is the best time of a setting.
type trial struct {
	Setting string  `json:"setting"`
	Seconds float64 `json:"seconds"`
}

// tuning records how the settings of rclone were chosen on one link.
type tuning struct {
	Archive  int64          `json:"archive"` // bytes
	Trials   []trial        `json:"trials"`
	Settings rcloneSettings `json:"settings"`
}

// tune tries all settings with an archive of the reference caches, and returns the fastest. It also
// warms up the tar pipeline.
func tune(ctx context.Context, c *chain) (t tuning, err error) {
	tool := newTarTool(c.lab, c.server, c.bucket(), uploadSettings[0])
	if err := c.startOver(tool); err != nil {
		return t, err
	}
	seconds := func(s stage) (float64, error) {
		took, err := c.succeed(ctx, tool.env(), s)
		return took.Wall, err
	}
	if err := c.withReference(func() error {
		_, err := seconds(tool.pack())
		return err
	}); err != nil {
		return t, err
	}
	if _, t.Archive, err = kit.TreeSize(c.Path("tmp", "archive")); err != nil {
		return t, err
	}
	best := slices.Clone(uploadSettings)
	if t.Settings, err = fastest(best, &t, rcloneSettings.upload, func(s rcloneSettings) (float64, error) {
		tool.settings = s
		return seconds(tool.upload(1))
	}); err != nil {
		return t, err
	}
	t.Settings.Streams, err = fastest(downloadStreams, &t, streamsName, func(streams int) (float64, error) {
		tool.settings.Streams = streams
		if err := tool.clean(false); err != nil {
			return 0, err
		}
		return seconds(tool.download(1))
	})
	logf("rclone on %s: %s, %s", c.link.name, t.Settings.upload(), streamsName(t.Settings.Streams))
	return t, err
}

func streamsName(n int) string { return fmt.Sprintf("download in %d streams", n) }

// fastest measures each of the settings and returns the one with the best time.
func fastest[S any](settings []S, t *tuning, name func(S) string, run func(S) (float64, error)) (best S, err error) {
	var least float64
	for _, s := range settings {
		var seconds float64
		for i := range tries {
			took, err := run(s)
			if err != nil {
				return best, fmt.Errorf("%s: %w", name(s), err)
			}
			if i == 0 || took < seconds {
				seconds = took
			}
		}
		t.Trials = append(t.Trials, trial{name(s), seconds})
		if least == 0 || seconds < least {
			best, least = s, seconds
		}
	}
	return best, nil
}
