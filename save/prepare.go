package save

import (
	"context"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// prepared are the objects that a plan needs.
type prepared struct {
	jobs   []collect.Job
	known  []collect.Outcome // beside those of the jobs
	memory int64             // that both take

	extents int64 // of outputs that they place
}

// prepare finds out which objects are to be made for a plan: of what the store lacks as a whole, it
// can have parts.
func (j job) prepare(ctx context.Context, p planned) (all prepared, err error) {
	j.Meter.SetPhase("read")
	in := collect.Preparing{
		List: j.readList, Requests: j.Concurrency,
		Note: collect.Note{Wrote: func(n int64) { j.count(1, n) }, Read: func(n int64) { j.count(0, n) }, Warn: j.log.warn},
	}
	for _, part := range p.parts {
		all.jobs = append(all.jobs, part.Jobs...)
		if part.Prepare == nil {
			continue
		}
		j.Meter.FilesTotal.Add(int64(part.Reads))
		j.Meter.DiskTotal.Add(part.Bytes)
		more, err := part.Prepare(ctx, in)
		if err != nil {
			return prepared{}, err
		}
		all.jobs = append(all.jobs, more.Jobs...)
		all.known = append(all.known, more.Known)
		all.memory += more.Memory
		all.extents += more.Extents
	}
	return all, nil
}

// count counts files that were read.
func (j job) count(files, bytes int64) {
	j.Meter.Files.Add(files)
	j.Meter.Disk.Add(bytes)
}

// readList reads the list of chunks of a pack, and proves it.
func (j job) readList(ctx context.Context, p *snapshot.Pack) ([]snapshot.Chunk, error) {
	return p.ReadList(func(off, n int64) ([]byte, error) {
		stored, _, err := j.readRange(ctx, p.Object, off, n)
		return stored, store.Named("object", p.Object, err)
	})
}
