// Command bench compares gocache with what CI jobs use today, the pipeline of actions/cache: GNU
// tar with zstdmt to a file, and a multipart upload of that file; to restore, the reverse. Both
// work on the same caches of a real project, on the same file system and with the same S3 server,
// in turns.
//
// Run it from the root of the repository with "bash bench/run", which installs what it needs. It
// needs Linux and root, for a file system of its own and for a slow link; the measured commands run
// as an ordinary user, as they do in CI. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

func main() { kit.Main("bench", execute) }

func execute(ctx context.Context, args []string) error {
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	return kit.Benchmark[results]{
		Measure: func(ctx context.Context) (*results, error) { return measureAll(ctx, o) },
		Started: func(r *results) time.Time { return r.Started },
		Load:    loadAll,
		Render:  render, Beside: publish, Missed: (*results).missed,
	}.Run(ctx, o.Output)
}

// measureAll prepares the machine and the projects, and measures every link. It returns nil results
// if there was no run.
func measureAll(ctx context.Context, o options) (res *results, err error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("needs root, to mount a file system and to set up network namespaces")
	}
	d, err := mountDisk(ctx, o.image, o.sizeGiB, o.keep)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	res = &results{Started: time.Now().UTC(), Rounds: o.rounds}
	for _, name := range o.projects {
		f, err := measureProject(ctx, d, subjectNamed(name), o, &res.Machine)
		if f != nil && len(f.Runs) > 0 {
			f.Compared = f.compareAll()
			res.Projects = append(res.Projects, f)
		}
		if err != nil {
			if len(res.Projects) == 0 {
				res = nil
			}
			return res, fmt.Errorf("%s: %w", name, err)
		}
	}
	return res, nil
}

// measureProject measures everything requested on one project. On an error, it also returns what
// was measured before.
func measureProject(ctx context.Context, d *disk, s subject, o options, m *machine) (*figures, error) {
	l, err := newLab(ctx, d, s.Name, o.gocache)
	if err != nil {
		return nil, err
	}
	p := &project{lab: l, subject: s}
	if err := p.prepare(ctx); err != nil {
		return nil, err
	}
	if *m, err = describeMachine(ctx, l); err != nil {
		return nil, err
	}
	f := &figures{subject: s}
	if f.Caches, err = p.describe(); err != nil {
		return nil, err
	}
	for _, name := range o.links {
		if err := measureLink(ctx, l, p, o, name, f); err != nil {
			return f, fmt.Errorf("link %s: %w", name, err)
		}
	}
	return f, nil
}
