package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"syscall"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/keys"
)

// installer runs the jobs of one restore. Its fields do not change once the first has begun.
type installer struct {
	env   *install.Env
	cache *buildcache.Cache
	sums  keys.Sums
}

// restore reads the pack of a tree and installs the files that are missing.
func (in *installer) restore(ctx context.Context, t Tree, place *install.Place) (out install.Outcome, err error) {
	err = install.Twice(func() error {
		body, err := in.env.Fetch.Whole(ctx, func() {}, t.In.Object)
		if err != nil {
			return err
		}
		defer body.Close()
		return in.unpack(t, body, place, &out)
	})
	switch {
	case err == nil, install.IsLocal(err): // it names the file
		return out, err
	case store.IsFailure(err):
		return out, install.StoreError(t.In.Object, err)
	}
	out.Damage(t.In.Object, -1, err.Error(), install.KindOf(err))
	return out, nil
}

// unpack refuses a pack that holds more than the manifest says, so that no more is written than was
// announced.
func (in *installer) unpack(t Tree, body snapshot.Source, place *install.Place, out *install.Outcome) error {
	rd := snapshot.NewReader(body, t.In.Frames, in.env.Fetch.Buffers)
	defer rd.Close()
	files, bytes := t.Files, t.Bytes
	for {
		m, err := rd.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if files, bytes = files-1, bytes-m.Size; files < 0 || bytes < 0 || m.Size > t.maxFile() {
			return fmt.Errorf("%w: more than %d files or %d bytes with %.300q, which has %d",
				snapshot.ErrCorrupt, t.Files, t.Bytes, m.Name, m.Size)
		}
		data := make([]byte, m.Size)
		if _, err := io.ReadFull(rd, data); err != nil {
			return err
		}
		if err := in.install(t.Name, m.Name, data, place, out); err != nil {
			return err
		}
	}
}

// install installs one file. A file that cannot have its name costs only itself.
func (in *installer) install(tree, name string, data []byte, place *install.Place, out *install.Outcome) error {
	verified, reason := false, ""
	if tree == snapshot.TreeModGraph {
		if verified, reason = checkGoMod(name, data, in.sums); reason != "" {
			out.Name(name, reason, install.KindRefused)
			return nil
		}
	}
	written, err := in.write(tree, name, data, verified)
	if written {
		in.env.Wrote(int64(len(data)))
	}
	return in.settle(name, written, err, place, out)
}

// settle records how the installation of a file ended.
func (in *installer) settle(name string, written bool, err error, place *install.Place, out *install.Outcome) error {
	switch err := install.Classify(err); {
	case osfile.IsBadName(err) || errors.Is(err, syscall.ENOTDIR):
		out.Name(name, err.Error(), install.KindRefused)
		return nil
	case osfile.IsLocked(err):
		return in.env.Locked.Leave(out, name, err)
	case install.IsLocal(err):
		return place.Tolerate(out, path.Dir(name), path.Dir(name), store.Named("file", name, err))
	case err != nil:
		return err
	}
	if written {
		place.Works()
	}
	return nil
}

// write writes one file, unless it is present.
func (in *installer) write(tree, name string, data []byte, verified bool) (written bool, err error) {
	if tree == snapshot.TreeFuzz {
		return in.cache.InstallFuzzFile(name, data)
	}
	return in.env.Stage.InstallGraphFile(name, data, verified)
}

// checkGoMod compares a .mod file with its "/go.mod" line in go.sum, if there is one. A reason
// means that the file is refused.
func checkGoMod(name string, data []byte, sums keys.Sums) (verified bool, reason string) {
	v, ok := versionOfMod(name)
	want := sums.Mod[v]
	if !ok || want == "" {
		return false, ""
	}
	got, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	})
	if err != nil || got != want {
		return false, fmt.Sprintf("go.mod is %s, go.sum says %s", got, want)
	}
	return true, ""
}

// versionOfMod returns the version that cache/download/<path>/@v/<version>.mod belongs to.
func versionOfMod(name string) (v module.Version, ok bool) {
	rest, ok := strings.CutPrefix(name, "cache/download/")
	dir, file := path.Split(rest)
	esc, isVersion := strings.CutSuffix(dir, "/@v/")
	ver, isMod := strings.CutSuffix(file, ".mod")
	if !ok || !isVersion || !isMod {
		return v, false
	}
	var err1, err2 error
	v.Path, err1 = module.UnescapePath(esc)
	v.Version, err2 = module.UnescapeVersion(ver)
	return v, err1 == nil && err2 == nil
}
