package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/health"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// maxSmall bounds small objects of proxies.
const maxSmall = 16<<20 + 1<<10

// readTwice reads an object, and once more if it is wrong: bytes can also change on their way. e
// gets the version that was read.
func (r *run) readTwice(ctx context.Context, kind snapshot.Kind, e *store.Entry, said []claim) (is content, err error) {
	for range 2 {
		is, err = r.read(ctx, kind, e, said)
		if err == nil || ctx.Err() != nil || store.IsFailure(err) || errors.Is(err, store.ErrNotFound) {
			break
		}
	}
	return is, err
}

func (r *run) read(ctx context.Context, kind snapshot.Kind, e *store.Entry, said []claim) (content, error) {
	switch kind {
	case snapshot.KindPack:
		return r.readPack(ctx, e, said)
	case snapshot.KindModule:
		return r.readModule(ctx, e)
	}
	data, info, err := r.get(ctx, e.Name, max(maxSmall, gcnotes.MaxSize))
	if err != nil {
		return content{}, err
	}
	e.Info = info
	switch kind {
	case KindNotes:
		_, err = gcnotes.Decode(bytes.NewReader(data), func(gcnotes.Fingerprint) bool { return false })
	case snapshot.KindHealth:
		_, err = health.Decode(data)
	default:
		_, err = snapshot.Unseal(data)
	}
	return content{}, err
}

// metered counts what is read.
type metered struct {
	io.Reader
	r *run
}

func (m metered) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.r.Meter.Bytes.Add(int64(n))
	return n, err
}

// Memory that reading a module takes: its frames, stored and decoded, and those of a base.
const (
	minModule = 1 << 20
	maxModule = 4 * (snapshot.FrameSize + 64<<10)
	// Text compresses to a quarter or so; a delta is small, and its base need not be.
	moduleRatio = 12
)

// readModule computes the h1 hash of a module object.
func (r *run) readModule(ctx context.Context, e *store.Entry) (is content, err error) {
	v, want, ok := snapshot.ModuleOf(e.Name)
	if !ok {
		return is, fmt.Errorf("%w: its name is not that of a module version", snapshot.ErrCorrupt)
	}
	need := min(max(minModule, moduleRatio*e.Size), maxModule)
	if snapshot.IsDelta(e.Name) {
		need = maxModule
	}
	if err := r.memory.Acquire(ctx, need); err != nil {
		return is, store.Ended(ctx)
	}
	defer r.memory.Release(need)
	t, err := modules.OpenTree(ctx, r.Store, []string{e.Name}, v)
	defer func() {
		for _, o := range t.Objects {
			r.Meter.Bytes.Add(o.Size)
		}
		t.Close()
	}()
	if err != nil {
		return is, notMissing(err, len(t.Objects) > 0)
	}
	e.Info = t.Objects[0].Info
	base := ""
	if len(t.Objects) > 1 {
		base = t.Objects[1].Name
	}
	files, size, sum, err := hashTree(ctx, t, v)
	if err == nil && sum != want {
		err = fmt.Errorf("%w: the h1 hash of its tree is %s, its name says %s", snapshot.ErrCorrupt, sum, want)
	}
	is.id = treeID(files, size, base)
	if err == nil && base == "" {
		is.warning, err = r.checkList(ctx, e, files)
	}
	return is, err
}

// notMissing keeps a base that is missing from counting as a delta that is.
func notMissing(err error, opened bool) error {
	if opened && errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %s", snapshot.ErrCorrupt, err)
	}
	return err
}

// hashTree reads a module object to its end.
func hashTree(ctx context.Context, t *modules.Tree, v module.Version) (files int, size int64, sum string, err error) {
	plain, escaped, err := modcache.Prefixes(v)
	if err != nil {
		return 0, 0, "", err
	}
	var tree modcache.TreeHash
	small := map[modcache.Small][]byte{}
	for {
		m, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return files, size, "", err
		}
		rel, ok := strings.CutPrefix(m.Name, escaped)
		if !ok {
			if err := readSmall(t, v, m, small); err != nil {
				return files, size, "", err
			}
			continue
		}
		s, err := buildcache.Hash(ctx, t, nil)
		if err != nil {
			return files, size, "", err
		}
		tree.Add(plain+rel, s)
		files++
		size += m.Size
	}
	sum = tree.Sum()
	if h, ok := small[modcache.ZipHash]; ok && string(bytes.TrimSpace(h)) != sum {
		err = fmt.Errorf("%w: its .ziphash is %.100q", snapshot.ErrCorrupt, h)
	}
	return files, size, sum, err
}

// readSmall reads .info, .mod or .ziphash, and checks it as a restore does.
func readSmall(t *modules.Tree, v module.Version, m snapshot.Member, small map[modcache.Small][]byte) error {
	base, err := modcache.DownloadName(v)
	kind := modcache.Small(strings.TrimPrefix(m.Name, base))
	if err != nil || kind != modcache.Info && kind != modcache.GoMod && kind != modcache.ZipHash {
		return fmt.Errorf("%w: it has the file %.300q", snapshot.ErrCorrupt, m.Name)
	}
	if m.Size > modcache.MaxGoMod {
		return fmt.Errorf("%w: %s of %d bytes", snapshot.ErrCorrupt, kind, m.Size)
	}
	data, err := io.ReadAll(t)
	if err != nil {
		return err
	}
	small[kind] = data
	if err := modcache.CheckSmall(v, kind, data); err != nil {
		return fmt.Errorf("%w: %w", snapshot.ErrCorrupt, err)
	}
	return nil
}

// checkList reads the list of files at the end of a whole module object, which only saves need.
func (r *run) checkList(ctx context.Context, e *store.Entry, files int) (warning string, err error) {
	off, n := snapshot.Base{Size: e.Size, Files: files}.ListRange()
	if off < 0 {
		return "it has no list of its files: no save can build upon it", nil
	}
	data, err := r.readRange(ctx, e.Name, off, n)
	if err != nil {
		return "", err
	}
	if _, err := snapshot.DecodeFileList(data); err != nil {
		return "no save can build upon it: " + err.Error(), nil
	}
	return "", nil
}
