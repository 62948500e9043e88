package main

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/org/gocache-action/bench/internal/kit"
)

// archives keeps both caches as one file, as actions/cache does: everything in GOMODCACHE and
// GOCACHE, packed with "tar | zstdmt".
type archives struct {
	*lab
	atRelease
	store string // directory
	total int64  // bytes of all archives that were ever saved
}

func newArchives(l *lab, name string) (archives, error) {
	a := archives{lab: l, store: l.Path("store", name)}
	return a, os.MkdirAll(a.store, 0o755)
}

func (a *archives) file(key string) string { return filepath.Join(a.store, key+".tzst") }

// unpack returns the size of the archive.
func (a *archives) unpack(ctx context.Context, key string) (int64, error) {
	if err := tar(ctx, "-xf", a.file(key), "-C", a.Path("caches"), "--use-compress-program", "zstd -d"); err != nil {
		return 0, err
	}
	info, err := os.Stat(a.file(key))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (a *archives) pack(ctx context.Context, key string) (int64, error) {
	if err := tar(ctx, "--posix", "-cf", a.file(key), "-C", a.Path("caches"), "--use-compress-program", "zstd -T0", "mod", "build"); err != nil {
		return 0, err
	}
	info, err := os.Stat(a.file(key))
	if err != nil {
		return 0, err
	}
	a.total += info.Size()
	return info.Size(), nil
}

func tar(ctx context.Context, args ...string) error { return kit.Do(ctx, "tar", args...) }

// setupGo is the policy of actions/setup-go: one archive for each go.sum. An archive is restored
// only under exactly its key, and saved only if there was none; what later runs with the same
// go.sum make is not kept.
type setupGo struct {
	archives
	sizes map[string]int64 // by key
	hit   bool
	// needed counts the future runs with each key: an archive that none of them will read is
	// removed.
	needed map[string]int
}

func newSetupGo(l *lab, needed map[string]int) (*setupGo, error) {
	a, err := newArchives(l, setupGoName)
	return &setupGo{archives: a, sizes: map[string]int64{}, needed: needed}, err
}

func (p *setupGo) name() string { return setupGoName }

func (p *setupGo) restore(ctx context.Context, m moment) (restored, error) {
	_, p.hit = p.sizes[m.sum]
	if !p.hit {
		return restored{Match: matchNone}, nil
	}
	n, err := p.unpack(ctx, m.sum)
	return restored{Match: matchExact, Fetched: n}, err
}

// beforeJob keeps the time of the last trim, which is in the archive. So the go command trims as it
// does on a CI machine: after its first command, it removes everything that was neither used by
// that command nor in the 5 days before the save.
func (p *setupGo) beforeJob() error { return nil }

func (p *setupGo) save(ctx context.Context, m moment) (s saved, err error) {
	if !p.hit {
		if s.Uploaded, err = p.pack(ctx, m.sum); err != nil {
			return s, err
		}
		p.sizes[m.sum] = s.Uploaded
	}
	if p.needed[m.sum]--; p.needed[m.sum] == 0 {
		err = os.Remove(p.file(m.sum))
	}
	s.Snapshot, s.Store = p.sizes[m.sum], p.total
	return s, err
}

// prefixKey is a policy with a new key for each run, which restores the newest archive with the
// same prefix. Nothing is ever trimmed, so the archive has every entry that any run ever made.
type prefixKey struct {
	archives
	last string // key of the newest archive
	size int64
}

func newPrefixKey(l *lab) (*prefixKey, error) {
	a, err := newArchives(l, prefixName)
	return &prefixKey{archives: a}, err
}

func (p *prefixKey) name() string { return prefixName }

func (p *prefixKey) restore(ctx context.Context, m moment) (restored, error) {
	if p.last == "" {
		return restored{Match: matchNone}, nil
	}
	n, err := p.unpack(ctx, p.last)
	return restored{Match: matchOlder, Fetched: n}, err
}

// beforeJob keeps the go command from trimming. Archives keep times, so it would remove entries
// that were not used for 5 days, but this policy is meant to have everything.
func (p *prefixKey) beforeJob() error {
	return writeTrim(filepath.Join(p.buildDir(), "trim.txt"), time.Now())
}

func (p *prefixKey) save(ctx context.Context, m moment) (s saved, err error) {
	old := p.last
	if s.Uploaded, err = p.pack(ctx, m.Version); err != nil {
		return s, err
	}
	p.last, p.size = m.Version, s.Uploaded
	s.Snapshot, s.Store = p.size, p.total
	if old != "" {
		err = os.Remove(p.file(old)) // no run would read it again; it still counts in the total
	}
	return s, err
}
