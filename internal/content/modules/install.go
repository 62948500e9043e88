package modules

import (
	"context"
	"errors"
	"io/fs"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// installer runs the jobs of one restore. Its fields do not change once the first has begun.
type installer struct {
	env   *install.Env
	place *install.Place
	proof *proof // nil: nothing is checked
}

// restore fetches one module: the tree is unpacked into a stage as it arrives, and moved into place
// once its hash proves to be the right one.
func (in *installer) restore(ctx context.Context, f Fetch, fetched func()) (out install.Outcome, err error) {
	var o opened
	err = install.Twice(func() (err error) {
		if o, err = in.open(ctx, f.Wanted, fetched); err != nil {
			return err
		}
		defer o.Close()
		return in.unpack(ctx, f, &o, fetched, &out)
	})
	return out, in.settle(&out, f.Wanted, o, err)
}

// settle records how a job ended. A failure of the store ends the restore; wrong bytes cost only
// this module, and so does a failure to write it.
func (in *installer) settle(out *install.Outcome, w Wanted, o opened, err error) error {
	name := "module " + w.Version.String()
	object := o.object
	var base *baseError
	if errors.As(err, &base) {
		object = base.object
	}
	switch {
	case err == nil:
		in.place.Works()
		out.Counts.Restored++
	case errors.Is(err, store.ErrNotFound) && base != nil:
		missBase(out, w, base, o.object)
	case errors.Is(err, store.ErrNotFound):
		miss(out, w)
	case errors.Is(err, fs.ErrExist), errors.Is(err, modcache.ErrBusy):
		// Another process has put it there, or is about to: a go command, or the restore of another
		// job that shares the module cache. A go command that needs it waits for that one's lock.
		out.Counts.Present++
	case install.IsLocal(err):
		if err := in.place.Tolerate(out, w.Version.String(), name, err); err != nil {
			return err
		}
		out.Lose(1, install.KindDisk)
	case osfile.IsLocked(err):
		out.Lose(1, install.KindLocked)
		return in.env.Locked.Leave(out, name, err)
	case store.IsFailure(err):
		return install.StoreError(object, err)
	case errors.Is(err, errUnchecked):
		refuse(out, w.Version, err.Error())
	default:
		refuse(out, w.Version, err.Error())
		out.Mend(o.object, -1, err.Error(), install.KindRefused)
		if base != nil {
			out.Mend(base.object, -1, err.Error(), install.KindRefused)
		}
	}
	return nil
}

// miss counts a module that the store does not have. If only go.sum names it, it may never have
// been saved, which is nothing to report.
func miss(out *install.Outcome, w Wanted) {
	out.Counts.Missing++
	if w.Listed {
		out.Damage(w.Objects[0], -1, store.ErrNotFound.Error(), install.KindMissing)
	}
}

// missBase names a module whose base the store does not have, also if only go.sum names it: it was
// saved. The next save stores it whole, even if it knows of another base than the delta does.
func missBase(out *install.Outcome, w Wanted, base *baseError, delta string) {
	out.Counts.Missing++
	out.Mend(delta, -1, base.Error(), install.KindMissing)
	out.Mend(base.object, -1, base.Error(), install.KindMissing)
	out.Name(w.Version.String(), base.Error(), install.KindMissing)
}

// bigModule is the stored size from which on a module is read in parallel ranges: mostly
// toolchains.
const bigModule = 24 << 20

// open opens the first of the objects that exists. o.object is named beside an error, too.
func (in *installer) open(ctx context.Context, w Wanted, fetched func()) (o opened, err error) {
	err = store.ErrNotFound // of a private module, if there is no scope to look in
	for _, object := range w.Objects {
		if o, err = in.openObject(ctx, object, w.Size, fetched); !errors.Is(err, store.ErrNotFound) {
			break
		}
	}
	if err == nil {
		if err = o.builds(w.Base); err != nil {
			err = errors.Join(err, o.Close())
		}
	}
	return o, err
}

// largeTree is the size from which on the files of a module are hashed and written by several
// goroutines. While many jobs share the cores, a large one advances slowly, and everything else
// would wait for it at the end.
const largeTree = 16 << 20

// unpack puts a version together and moves it into place. It only adds warnings to the outcome.
func (in *installer) unpack(ctx context.Context, f Fetch, o *opened, fetched func(), out *install.Outcome) error {
	rd := snapshot.NewReader(o, nil, in.env.Fetch.Buffers)
	defer rd.Close()
	opts := modcache.InstallOptions{Zip: f.Zip, Replace: f.Replace, Files: f.Files, Bytes: f.Bytes}
	inst, err := in.env.Stage.Begin(f.Version, opts)
	if err != nil {
		return install.Classify(err)
	}
	defer inst.Abort() // no-op after Commit
	u := unpacker{env: in.env, inst: inst, rd: rd, files: rd}
	if err := u.unpack(ctx, f.Bytes); err != nil {
		return err
	}
	rd.Close() // before waiting for anything
	if o.delta != nil {
		o.Close()
		if err := in.unpackBase(ctx, f, o, u, fetched); err != nil {
			return err
		}
	}
	if err := in.proof.check(ctx, f.Wanted, out); err != nil {
		return err
	}
	err = inst.Commit(f.Sum, f.ModSum)
	if errors.Is(err, modcache.ErrBusy) {
		return err
	}
	return install.Classify(err)
}
