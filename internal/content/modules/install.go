package modules

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/fetch"
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
	object := ""
	err = install.Twice(func() (err error) {
		var body *fetch.Source
		if body, object, err = in.open(ctx, f.Wanted, fetched); err != nil {
			return err
		}
		defer body.Close()
		return in.unpack(ctx, f, body, &out)
	})
	return out, in.settle(&out, f.Wanted, object, err)
}

// settle records how a job ended. A failure of the store ends the restore; wrong bytes cost only
// this module, and so does a failure to write it.
func (in *installer) settle(out *install.Outcome, w Wanted, object string, err error) error {
	name := "module " + w.Version.String()
	switch {
	case err == nil:
		in.place.Works()
		out.Counts.Restored++
	case errors.Is(err, store.ErrNotFound):
		miss(out, w)
	case errors.Is(err, fs.ErrExist):
		out.Counts.Present++
	case errors.Is(err, modcache.ErrBusy):
		out.Counts.Present++
		out.Warn("%s is being written by a go command and was left to it", name)
	case install.IsLocal(err):
		if err := in.place.Tolerate(out, w.Version.String(), name, fmt.Errorf("%s: %w", name, err)); err != nil {
			return err
		}
		out.Counts.Refused++
	case osfile.IsLocked(err):
		out.Counts.Refused++
		return in.env.Locked.Leave(out, name, err)
	case store.IsFailure(err):
		return install.StoreError(object, err)
	case errors.Is(err, errUnchecked):
		refuse(out, w.Version, err.Error())
	default:
		refuse(out, w.Version, err.Error())
		out.Mend(object, -1, err.Error())
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

// bigModule is the stored size from which on a module is read in parallel ranges: mostly
// toolchains.
const bigModule = 24 << 20

// open opens the first of the objects that exists, and returns its name.
func (in *installer) open(ctx context.Context, w Wanted, fetched func()) (src *fetch.Source, object string, err error) {
	open := func(ctx context.Context) (body io.ReadCloser, info store.Info, err error) {
		err = store.ErrNotFound // of a private module, if there is no scope to look in
		for _, object = range w.Objects {
			if w.Size >= bigModule {
				body, info, err = store.OpenParallel(ctx, in.env.Fetch.Store, object, 0, -1, bigModule/3, 3)
			} else {
				body, info, err = in.env.Fetch.Store.Open(ctx, object, 0, -1)
			}
			if !errors.Is(err, store.ErrNotFound) {
				break
			}
		}
		if err == nil && info.Size > snapshot.MaxModule {
			err = errors.Join(fmt.Errorf("%w: object of %d bytes", snapshot.ErrCorrupt, info.Size), body.Close())
		}
		return body, info, err
	}
	src, _, err = in.env.Fetch.Open(ctx, fetched, nil, open)
	return src, object, err
}

// largeTree is the size from which on the files of a module are hashed and written by several
// goroutines. While many jobs share the cores, a large one advances slowly, and everything else
// would wait for it at the end.
const largeTree = 16 << 20

// unpack puts a version together and moves it into place. It only adds warnings to the outcome.
func (in *installer) unpack(ctx context.Context, f Fetch, body snapshot.Source, out *install.Outcome) error {
	rd := snapshot.NewReader(body, nil, in.env.Fetch.Buffers)
	defer rd.Close()
	o := modcache.InstallOptions{Zip: f.Zip, Replace: f.Replace, Files: f.Files, Bytes: f.Bytes}
	inst, err := in.env.Stage.Begin(f.Version, o)
	if err != nil {
		return install.Classify(err)
	}
	defer inst.Abort() // no-op after Commit
	u := unpacker{env: in.env, inst: inst, rd: rd}
	if f.Bytes == 0 || f.Bytes >= largeTree {
		err = u.parallel(ctx)
	} else {
		err = u.serial()
	}
	if err != nil {
		return err
	}
	rd.Close() // before waiting for anything
	if err := in.proof.check(ctx, f.Wanted, out); err != nil {
		return err
	}
	err = inst.Commit(f.Sum, f.ModSum)
	if errors.Is(err, modcache.ErrBusy) {
		return err
	}
	return install.Classify(err)
}
