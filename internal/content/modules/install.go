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

// installer carries out the jobs of one restore. All of its fields are set before the first.
type installer struct {
	env   *install.Env
	place *install.Place
	proof *proof // nil: nothing is checked
}

// restore does one job: the tree is unpacked beside the module cache while it arrives, and moved in
// when its hash is what go.sum says.
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

// settle says what the end of a job means: a failure of the store ends the restore, anything wrong
// with the bytes costs this module only, and so does a place on the disk where it cannot be
// written.
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

// miss counts a module that the store does not have. What only go.sum names was perhaps never
// saved, which is nothing to report.
func miss(out *install.Outcome, w Wanted) {
	out.Counts.Missing++
	if w.Listed {
		out.Damage(w.Objects[0], -1, store.ErrNotFound.Error(), install.KindMissing)
	}
}

// bigModule is the stored size from which a module is read in parallel ranges: toolchains, mostly.
const bigModule = 24 << 20

// open opens the first of the objects that exists, and returns its name.
func (in *installer) open(ctx context.Context, w Wanted, fetched func()) (src *fetch.Source, object string, err error) {
	src, _, err = in.env.Fetch.Open(ctx, fetched, nil, func(ctx context.Context) (body io.ReadCloser, info store.Info, err error) {
		err = store.ErrNotFound // a private module and no scope to look in
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
	})
	return src, object, err
}

// largeTree is the size from which the files of one module are hashed and written by several
// goroutines: with many jobs at once each gets a small share of the cores, and a job of a second
// alone would be what everyone waits for at the end.
const largeTree = 16 << 20

// unpack puts a version together and moves it in. The outcome gets warnings only.
func (in *installer) unpack(ctx context.Context, f Fetch, body snapshot.Source, out *install.Outcome) error {
	rd := snapshot.NewReader(body, nil, in.env.Fetch.Buffers)
	defer rd.Close()
	inst, err := in.env.Stage.Begin(f.Version, modcache.InstallOptions{Zip: f.Zip, Replace: f.Replace, Files: f.Files, Bytes: f.Bytes})
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
