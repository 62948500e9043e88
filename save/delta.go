package save

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// A module can be stored whole or as a delta, and both have names of their own. What is needed so
// that no delta is ever named whose base is not there, or is another one than it was:
//
//   - a delta is only written where there is none. It is never replaced: where one is there that
//     is no good, the module is stored whole;
//   - so deltas are not written to stores that do not honour this condition;
//   - nor under a name that a collection has noted, and one that is noted is not relied on: it can
//     be removed, and another save can write one there that builds upon something else;
//   - who relies on a delta relies on its base, and touches both if that is due. A base is touched
//     when something is built upon it, too, so that it does not age before what needs it.

// findDelta looks for the delta object of a module. usable says that it and its base can be named;
// there, that something has its name.
func (u *uploader) findDelta(ctx context.Context, j collect.Job) (out collect.Outcome, usable, there bool, err error) {
	object := snapshot.DeltaObject(j.Object)
	if store.CheckName(object) != nil {
		return out, false, true, nil // too long by what tells it from the whole one
	}
	out, infos, err := u.lookDelta(ctx, j)
	switch {
	case store.IsFailure(err):
		return out, false, false, store.Named("object", object, err)
	case err != nil: // whatever it is that lies there
		return collect.Outcome{}, false, infos != nil || !errors.Is(err, store.ErrNotFound), nil
	}
	for i, name := range out.Stored() {
		if u.stock.IsGone(name) || !u.notes.relyOn(ctx, name, infos[i]) {
			return collect.Outcome{}, false, true, nil
		}
	}
	return out, true, true, nil
}

// lookDelta reads which base the delta object of a module has, and asks for that. infos are those
// of both, or of what there is of them beside ErrNotFound. Anybody who may write modules may have
// written the object: an error that is no failure of the store costs nothing but the delta.
func (j job) lookDelta(ctx context.Context, m collect.Job) (out collect.Outcome, infos []store.Info, err error) {
	object := snapshot.DeltaObject(m.Object)
	body, info, err := j.Store.Open(ctx, object, 0, snapshot.DeltaStart)
	if err != nil {
		return out, nil, err
	}
	infos = []store.Info{info}
	defer body.Close()
	start := make([]byte, snapshot.DeltaStart)
	n, err := io.ReadFull(body, start)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
		return out, infos, err
	}
	d, err := snapshot.ReadDeltaStart(start[:n])
	if err != nil {
		return out, infos, err
	}
	base := snapshot.Base{Object: d.BaseObject(object), Files: d.Files, Bytes: d.Bytes}
	named := snapshot.Module{Object: object, Base: &base}
	if err := cmp.Or(store.CheckName(base.Object), named.CheckBase()); err != nil {
		return out, infos, fmt.Errorf("%w: delta: %w", snapshot.ErrCorrupt, err)
	}
	of, err := j.Store.Stat(ctx, base.Object)
	if err != nil {
		return out, infos, err
	}
	base.Size = of.Size
	return collect.Outcome{Object: m.Object, Base: &base, Size: info.Size}, append(infos, of), nil
}

// putDelta stores a module as a delta, if that pays and the store lets it. Otherwise done is false,
// and nothing is known but that there is no error.
func (u *uploader) putDelta(ctx context.Context, j collect.Job) (out collect.Outcome, done bool, err error) {
	if len(j.Bases) == 0 {
		return out, false, nil
	}
	d, err := u.compare(ctx, j)
	if d == nil || err != nil {
		return out, false, err
	}
	if ok, err := u.conditions.ask(ctx, u.probe); !ok || err != nil {
		return out, false, err
	}
	out, err = u.object(ctx, d.Job(j), store.Condition{IfAbsent: true})
	switch {
	case err == nil:
		out.Object, out.Base = j.Object, &d.Base
		return out, true, nil
	case errors.Is(err, store.ErrConflict): // another save was faster
		out, usable, _, err := u.findDelta(ctx, j)
		return out, usable, err
	case errors.Is(err, store.ErrNoConditions):
		return collect.Outcome{}, false, nil
	}
	return collect.Outcome{}, false, err
}

// compare decides what a module is stored as, and makes sure that its base can be relied on. What
// is kept of the comparison is small; while it lasts, lists and trees are in memory: so no more
// modules are compared at once than can be built, and of as many more the lists are read.
func (u *uploader) compare(ctx context.Context, j collect.Job) (*collect.Delta, error) {
	if err := u.comparing.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	defer u.comparing.Release(1)
	bases, infos, err := u.readBases(ctx, j.Bases)
	if len(bases) == 0 || err != nil {
		return nil, err
	}
	need := min(compareBytes(j, bases), u.budget)
	built, err := u.startBuilding(ctx, need)
	if err != nil {
		return nil, err
	}
	d, err := j.Delta(ctx, bases)
	built()
	u.memory.Release(need) // before object acquires more
	if d == nil || err != nil || !u.notes.relyOn(ctx, d.Base.Object, infos[d.Base.Object]) {
		return nil, err
	}
	return d, nil
}

// compareBytes is about what it takes to compare a module with its bases: names and hashes of its
// files, and of each base the list and an index of it.
func compareBytes(j collect.Job, bases []collect.BaseFiles) int64 {
	n := 350 * int64(j.Files)
	for _, b := range bases {
		n += 80 * int64(len(b.List))
	}
	return n
}

// readBases reads the lists of files of the bases, as far as they are there. infos are those of the
// objects.
func (u *uploader) readBases(ctx context.Context, bases []snapshot.Base) (list []collect.BaseFiles, infos map[string]store.Info, err error) {
	infos = map[string]store.Info{}
	for _, b := range bases {
		files, info, err := u.readFiles(ctx, b)
		if err != nil {
			return nil, nil, err
		}
		if files != nil {
			list = append(list, collect.BaseFiles{Base: b, List: files})
			infos[b.Object] = info
		}
	}
	return list, infos, nil
}

// readFiles reads the list of files of a base. A base without a list that is whole is none: that
// costs some bytes.
func (u *uploader) readFiles(ctx context.Context, base snapshot.Base) ([]snapshot.FileHash, store.Info, error) {
	off, n := base.ListRange()
	if off < 0 {
		return nil, store.Info{}, nil
	}
	data, info, err := u.readRange(ctx, base.Object, off, n)
	switch {
	case store.IsFailure(err) && !errors.Is(err, store.ErrDenied):
		return nil, info, store.Named("object", base.Object, err)
	case err != nil || info.Size != base.Size:
		return nil, info, nil
	}
	list, err := snapshot.DecodeFileList(data)
	if err != nil {
		return nil, info, nil
	}
	return list, info, nil
}

// readRange reads n bytes of an object.
func (j job) readRange(ctx context.Context, object string, off, n int64) ([]byte, store.Info, error) {
	body, info, err := j.Store.Open(ctx, object, off, n)
	if err != nil {
		return nil, info, err
	}
	defer body.Close()
	data := make([]byte, n)
	_, err = io.ReadFull(body, data)
	return data, info, err
}
