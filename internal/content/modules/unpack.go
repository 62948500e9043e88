package modules

import (
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// unpacker writes the files of one module version into its stage as they arrive.
type unpacker struct {
	env  *install.Env
	inst *modcache.Install
	rd   *snapshot.Reader // used by one goroutine at a time
	// files are those of rd, or some of them
	files interface {
		Next() (snapshot.Member, error)
	}
}

// unpack writes all files of a tree of so many bytes; 0: that is not known.
func (u unpacker) unpack(ctx context.Context, bytes int64) error {
	if bytes == 0 || bytes >= largeTree {
		return u.parallel(ctx)
	}
	return u.serial()
}

func (u unpacker) serial() error {
	for {
		m, err := u.files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.create(m); err != nil {
			return err
		}
	}
}

// parallel reads members in order, and leaves hashing and writing them to as many goroutines as
// there are cores. It writes files that span several frames itself.
func (u unpacker) parallel(ctx context.Context) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	var writing sync.WaitGroup
	u.rd.WaitIdle(writing.Wait)
	err := u.handOut(gctx, g, &writing)
	return cmp.Or(errors.Join(g.Wait(), err), store.Ended(ctx))
}

// handOut ends early, without an error of its own, when one of the goroutines has failed.

func (u unpacker) handOut(ctx context.Context, g *errgroup.Group, writing *sync.WaitGroup) error {
	for ctx.Err() == nil {
		m, err := u.files.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		data, ok := u.rd.Bytes(m)
		if !ok {
			if err := u.create(m); err != nil {
				return err
			}
			continue
		}
		writing.Add(1)
		g.Go(func() error {
			defer writing.Done()
			return u.write(m, data)
		})
	}
	return nil
}

// write writes one file that is in memory.
func (u unpacker) write(m snapshot.Member, data []byte) error {
	if err := u.inst.WriteFile(m.Name, m.Mode, data); err != nil {
		return install.Classify(err)
	}
	u.env.Wrote(m.Size)
	return nil
}

// create writes one file.
func (u unpacker) create(m snapshot.Member) error {
	if data, ok := u.rd.Bytes(m); ok {
		return u.write(m, data)
	}
	w, err := u.inst.Create(m.Name, m.Mode, m.Size)
	if err != nil {
		return install.Classify(err)
	}
	if err := copyMember(w, u.rd, m.Size); err != nil {
		return err
	}
	u.env.Wrote(m.Size)
	return nil
}

// copyBuffers are large enough for nearly every file to be a single write.
var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 1<<20); return &b }}

// copyMember copies one member. Errors of the disk are classified, those of the source are not.
func copyMember(w io.WriteCloser, src io.Reader, size int64) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for left := size; left > 0; {
		p := (*buf)[:min(left, int64(len(*buf)))]
		if _, err := io.ReadFull(src, p); err != nil {
			w.Close()
			return err
		}
		if _, err := w.Write(p); err != nil {
			w.Close()
			return install.Classify(err)
		}
		left -= int64(len(p))
	}
	return install.Classify(w.Close())
}
