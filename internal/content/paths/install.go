package paths

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// installer carries out one Read. Its fields do not change once it runs.
type installer struct {
	env   *install.Env
	place *install.Place
	read  Read
}

// run reads the pack and installs the files that are wanted.
func (in *installer) run(ctx context.Context, fetched func()) (out install.Outcome, err error) {
	wanted := make(map[string]snapshot.PathFile, len(in.read.Files))
	for _, f := range in.read.Files {
		wanted[f.Name] = f
	}
	object := in.read.In.Object
	err = install.Twice(func() error {
		body, err := in.env.Fetch.Whole(ctx, fetched, object)
		if err != nil {
			return err
		}
		defer body.Close()
		return in.unpack(body, wanted, &out)
	})
	switch {
	case install.IsLocal(err): // it names the file or directory
		return out, err
	case store.IsFailure(err):
		return out, install.StoreError(object, err)
	case osfile.IsLocked(err):
		out.Lose(len(wanted), install.KindLocked)
		return out, in.env.Locked.Leave(&out, "path "+in.read.Path.Name, err)
	case err == nil && len(wanted) > 0:
		err = fmt.Errorf("%w: %d files of %s are not in it", snapshot.ErrCorrupt, len(wanted), in.read.Path.Name)
	}
	if err != nil {
		out.Damage(object, -1, err.Error(), install.KindOf(err))
		out.Lose(len(wanted), install.KindOf(err))
	}
	return out, nil
}

// unpack removes from wanted what it has installed or given up. A member whose content is not what
// the manifest says is passed over, and so is a second one of the same name.
func (in *installer) unpack(body snapshot.Source, wanted map[string]snapshot.PathFile, out *install.Outcome) error {
	dir, err := in.read.Path.Create()
	if err != nil {
		return install.Classify(err)
	}
	defer dir.Close()
	rd := snapshot.NewReader(body, in.read.In.Frames, in.env.Fetch.Buffers)
	defer rd.Close()
	for {
		m, err := rd.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		f, ok := wanted[m.Name]
		if !ok || m.Size != f.Size {
			continue
		}
		written, err := dir.Install(f, rd, in.env.Aged(f.LastUse))
		if errors.Is(err, extradir.ErrContent) {
			continue
		}
		if err := in.settle(f, written, err, out); err != nil {
			return err
		}
		delete(wanted, f.Name)
	}
}

// settle records how the installation of a file ended. After an error the file stays wanted: the
// source failed, or the path is given up.
func (in *installer) settle(f snapshot.PathFile, written bool, err error, out *install.Outcome) error {
	name := in.read.Path.Name
	if errors.Is(err, extradir.ErrPlace) { // the pack is not to blame
		out.Lose(1, install.KindRefused)
		out.Name(name, err.Error(), install.KindRefused)
		return nil
	}
	switch err := install.Classify(err); {
	case osfile.IsLocked(err):
		out.Lose(1, install.KindLocked)
		return in.env.Locked.Leave(out, name+": "+f.Name, err)
	case install.IsLocal(err):
		dir := path.Dir(f.Name)
		if err := in.place.Tolerate(out, dir, name+": directory "+dir, fmt.Errorf("file %s: %w", f.Name, err)); err != nil {
			return err
		}
		out.Lose(1, install.KindDisk)
		return nil
	case err != nil:
		return err
	}
	if written {
		in.place.Works()
		in.env.Wrote(f.Size)
	}
	out.Counts.Restored++
	return nil
}
