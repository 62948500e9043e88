package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// pathJob is one pack with files of a directory beside the two caches.
type pathJob struct {
	path   extradir.Path
	part   *part
	index  int // of the pack
	pack   snapshot.Pack
	wanted map[string]snapshot.PathFile // that are not here, by name
	bytes  int64                        // of them
}

// without takes a file out whose place is taken by something else, which is no fault of the pack.
func (j *pathJob) without(t *tally, f snapshot.PathFile, err error) {
	delete(j.wanted, f.Name)
	t.add(func() {
		t.files.Refused++
		t.losses = append(t.losses, Loss{What: j.path.Name, Reason: err.Error(), Kind: "refused"})
	})
}

// planPaths lists the packs in which files lie that are not here. Whatever is there under the name
// of a file is left alone.
func (r *run) planPaths() {
	m := r.manifest()
	for _, p := range r.Paths {
		for _, stored := range m.Paths {
			if stored.Name == p.Name {
				r.planPath(p, stored.Files)
			}
		}
	}
}

func (r *run) planPath(p extradir.Path, files []snapshot.PathFile) {
	jobs := map[int]*pathJob{}
	var order []*pathJob
	for _, f := range files {
		if p.Has(f.Name) {
			r.tally.files.Present++
			continue
		}
		j := jobs[f.Pack]
		if j == nil {
			j = &pathJob{path: p, part: r.pathPart(p.Name), index: f.Pack, pack: r.manifest().Packs[f.Pack], wanted: map[string]snapshot.PathFile{}}
			jobs[f.Pack] = j
			order = append(order, j)
		}
		j.wanted[f.Name] = f
		j.bytes += f.Size
	}
	for _, j := range order {
		r.paths = append(r.paths, *j)
	}
}

// restorePath reads a pack and installs what is wanted of it. Packs of one path hold related files,
// most of which are wanted or none, so they are read whole.
func (r *run) restorePath(ctx context.Context, j pathJob, fetched func()) error {
	err := twice(func() error {
		body, _, err := r.fetch(ctx, fetched, nil, func(ctx context.Context) (io.ReadCloser, store.Info, error) {
			return r.Store.Open(ctx, j.pack.Object, 0, -1)
		})
		if err != nil {
			return err
		}
		defer body.Close()
		return r.unpackPath(j, body)
	})
	if isStore(err) || isLocal(err) {
		return fetchError(j.pack.Object, err)
	}
	if osfile.IsLocked(err) {
		r.loseFiles(j, kindLocked)
		return r.leaveLocked("path "+j.path.Name, err)
	}
	if err == nil && len(j.wanted) > 0 {
		err = fmt.Errorf("%w: %d files of %s are not in it", snapshot.ErrCorrupt, len(j.wanted), j.path.Name)
	}
	if err != nil {
		r.tally.damage(jobstate.Damage{Object: j.pack.Object, Frame: -1, Reason: err.Error()}, kindOf(err))
		r.loseFiles(j, kindOf(err))
	}
	return nil
}

// loseFiles counts what is still wanted as lost.
func (r *run) loseFiles(j pathJob, kind string) {
	r.tally.add(func() {
		for range j.wanted {
			r.tally.files.lost(kind)
		}
	})
}

// unpackPath takes out of what is wanted what is there now. A member whose content is not what the
// manifest says does not count, and costs no other; nor does a second one of a name.
func (r *run) unpackPath(j pathJob, body snapshot.Source) error {
	dir, err := j.path.Create()
	if err != nil {
		return diskError(err)
	}
	defer dir.Close()
	rd := snapshot.NewReader(body, j.pack.Frames, r.buffers)
	defer rd.Close()
	for {
		m, err := rd.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		f, ok := j.wanted[m.Name]
		if !ok || m.Size != f.Size {
			continue
		}
		written, err := dir.Install(f, rd, r.aged(f.LastUse))
		switch {
		case errors.Is(err, extradir.ErrContent):
			continue
		case errors.Is(err, extradir.ErrPlace):
			j.without(&r.tally, f, err)
			continue
		case err != nil:
			if osfile.IsLocked(err) {
				delete(j.wanted, f.Name)
				r.tally.add(func() { r.tally.files.lost(kindLocked) })
				if err := r.leaveLocked(j.path.Name+": "+f.Name, err); err != nil {
					return err
				}
				continue
			}
			if err = diskError(err); !isLocal(err) || isStore(err) {
				return err
			}
			delete(j.wanted, f.Name)
			dir := path.Dir(f.Name)
			err = r.tolerate(j.part, dir, j.path.Name+": directory "+dir, err, func() {
				r.tally.add(func() { r.tally.files.lost(kindDisk) })
			})
			if err != nil {
				return err
			}
			continue
		case written:
			j.part.works()
			r.Meter.Files.Add(1)
			r.Meter.Disk.Add(f.Size)
		}
		delete(j.wanted, f.Name)
		r.tally.add(func() { r.tally.files.Restored++ })
	}
}
