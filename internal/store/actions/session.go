package actions

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// sessions has that of the save that is going on. Safe for concurrent use.
type sessions struct {
	*reader

	mu  sync.Mutex
	now *session // nil: there is none
}

// session is what a save does between Begin and Commit.
type session struct {
	reader *reader

	mu      sync.Mutex
	modules *making // nil: not begun
	build   *making // the same, or another one
	set     string  // the key for the modules of this save, if that is taken, or ""
	bytes   int64   // of the files of these modules
	moves   []run   // that go into build
	// the bundles with modules of all jobs that this save keeps
	kept map[string]bool
}

// Begin implements store.Bundler.
func (s *Store) Begin(ctx context.Context, put []store.Expected, keep []string) (map[string]bool, error) {
	elsewhere, err := s.sessions.begin(ctx, put, keep)
	if err != nil {
		return nil, s.fail("begin a save", "of objects", err)
	}
	return elsewhere, nil
}

func (s *sessions) begin(ctx context.Context, put []store.Expected, keep []string) (map[string]bool, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	missing, bytes, err := s.missing(ctx, put)
	if err != nil {
		return nil, err
	}
	packs := slices.ContainsFunc(put, func(x store.Expected) bool { return !snapshot.IsShared(x.Name) })
	ses := &session{reader: s.reader, bytes: bytes}
	var elsewhere map[string]bool
	switch {
	case len(missing) == 0:
	case bytes < s.opts.SharedFrom && packs:
		ses.modules = newMaking(s.reader, randomKey(ses.reader.ownKeys(moduleKeys)), "")
		ses.build = ses.modules
	default:
		if elsewhere, err = ses.share(ctx, missing); err != nil {
			return nil, err
		}
	}
	if err := ses.plan(ctx, keep, packs); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = ses
	return elsewhere, nil
}

// missing returns which of the modules that all jobs share nobody has stored, and the bytes of
// their files.
func (s *sessions) missing(ctx context.Context, put []store.Expected) (names []string, bytes int64, err error) {
	for _, x := range put {
		if !snapshot.IsShared(x.Name) {
			continue
		}
		_, _, err := s.object(ctx, x.Name)
		switch {
		case isMiss(err):
			names = append(names, x.Name)
			bytes += x.Bytes
		case err != nil && !errors.Is(err, store.ErrDenied): // a workflow may only write
			return nil, 0, err
		}
	}
	return names, bytes, nil
}

// share reserves the bundle with just these modules. If another save has it, they are elsewhere.
func (ses *session) share(ctx context.Context, modules []string) (elsewhere map[string]bool, err error) {
	key := setKey(ses.reader.ownKeys(moduleKeys), modules)
	to, err := ses.reader.service.create(ctx, key)
	if errors.Is(err, errTakenAgain) { // others wait for the key and then take the next one, too
		key += "-2"
		to, err = ses.reader.service.create(ctx, key)
	}
	if err == nil {
		ses.modules = newMaking(ses.reader, key, to)
		return nil, nil
	}
	if !errors.Is(err, errTaken) {
		return nil, err
	}
	ses.set = key
	elsewhere = map[string]bool{}
	for _, name := range modules {
		elsewhere[name] = true
	}
	return elsewhere, nil
}

// Await implements store.Bundler.
func (s *Store) Await(ctx context.Context) error {
	if err := s.sessions.current().await(ctx); err != nil {
		return s.fail("wait for", "the modules that another save stores", err)
	}
	return nil
}

// maxSaves is how many saves are waited for that store the same modules, the first of which were
// killed.
const maxSaves = 3

func (ses *session) await(ctx context.Context) error {
	ses.mu.Lock()
	set := ses.set
	ses.set = ""
	ses.mu.Unlock()
	patience := ses.patience()
	key := set
	for n := 2; key != ""; n++ {
		m, ok, err := ses.reader.appears(ctx, key, patience)
		if err != nil {
			return err
		}
		if ok {
			return ses.reader.joinIndex(ctx, m)
		}
		if n > maxSaves {
			return nil
		}
		if key, err = ses.instead(ctx, fmt.Sprintf("%s-%d", set, n)); err != nil {
			return err
		}
		patience /= 2
	}
	return nil
}

// slowSave is how many bytes of the files of modules a save packs and uploads in a second, on a
// machine that is slow.
const slowSave = 10 << 20

// patience is how long to wait for the modules that another save stores.
func (ses *session) patience() time.Duration {
	return ses.reader.opts.Patience + time.Duration(ses.bytes/slowSave)*time.Second
}

// instead reserves the next key for the modules, as the save that has the one before does not come
// to its end. If a third one was faster, it returns that key.
func (ses *session) instead(ctx context.Context, key string) (taken string, err error) {
	to, err := ses.reader.service.create(ctx, key)
	if errors.Is(err, errTaken) {
		return key, nil
	}
	if err != nil {
		return "", err
	}
	ses.mu.Lock()
	defer ses.mu.Unlock()
	ses.modules = newMaking(ses.reader, key, to)
	return "", nil
}

// current returns the session, and begins one if none was.
func (s *sessions) current() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil {
		s.now = &session{reader: s.reader}
	}
	return s.now
}

// bundleFor returns the bundle that an object goes into.
func (ses *session) bundleFor(name string) *making {
	ses.mu.Lock()
	defer ses.mu.Unlock()
	if snapshot.IsShared(name) {
		if ses.modules == nil {
			ses.modules = newMaking(ses.reader, randomKey(ses.reader.ownKeys(moduleKeys)), "")
		}
		return ses.modules
	}
	return ses.buildLocked()
}

func (ses *session) buildLocked() *making {
	if ses.build == nil {
		ses.build = newMaking(ses.reader, randomKey(ses.reader.ownKeys(bundleKeys)), "")
	}
	return ses.build
}

// Commit implements store.Bundler.
func (s *Store) Commit(ctx context.Context) error {
	ses := s.sessions.end()
	if ses == nil {
		return nil
	}
	if err := ses.commit(ctx); err != nil {
		return s.fail("commit", "the objects of this save", err)
	}
	return nil
}

// end returns the session, which is none any more.
func (s *sessions) end() *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	ses := s.now
	s.now = nil
	return ses
}

func (ses *session) commit(ctx context.Context) error {
	ses.mu.Lock()
	modules, build, moves := ses.modules, ses.build, ses.moves
	if len(moves) > 0 {
		build = ses.buildLocked()
	}
	ses.mu.Unlock()
	if modules != nil && modules != build { // first, for other jobs may wait for them
		if err := ses.commitModules(ctx, modules); err != nil {
			return err
		}
	}
	if len(moves) > 0 {
		if err := build.move(ctx, moves); err != nil {
			return err
		}
	}
	if modules != nil && modules == build {
		return ses.commitModules(ctx, modules)
	}
	if build != nil {
		l, err := build.commit(ctx, nil)
		if err != nil {
			return err
		}
		if l != nil {
			ses.reader.places.learn(l, true, true)
		}
	}
	return nil
}

// commitModules commits a bundle for all jobs. Another save may have committed one since the index
// was read: it looks again, so that the modules in both can be found.
func (ses *session) commitModules(ctx context.Context, m *making) error {
	r := ses.reader
	if newest, ok, err := r.service.lookup(ctx, moduleKeys); err == nil && ok {
		if err := r.joinIndex(ctx, newest); err != nil {
			return err
		}
	}
	old, err := r.index.locations(ctx)
	if err != nil {
		return err
	}
	others, err := ses.others(ctx, old)
	if err != nil {
		return err
	}
	l, err := m.commit(ctx, others)
	if err != nil || l == nil {
		return err
	}
	r.places.learn(l, true, true)
	return r.index.set(ctx, joinLocations(&snapshot.Locations{Bundles: l.Bundles, Objects: m.ofAll(l.Objects)}, others))
}

// others is what the index of the next bundle says of earlier ones. Those are looked up, as nobody
// else notices when the service has removed one.
func (ses *session) others(ctx context.Context, old *snapshot.Locations) (*snapshot.Locations, error) {
	r := ses.reader
	for {
		others := carried(old, ses.kept, r.places.isLost)
		if others == nil {
			return nil, nil
		}
		whole := true
		for _, b := range others.Bundles {
			_, err := r.urlOf(ctx, r.places.blob(b.Key), "")
			if err != nil && !isMiss(err) {
				return nil, err
			}
			whole = whole && err == nil
		}
		if whole {
			return others, nil
		}
	}
}

// joinLocations is a list of both. What is in both is where the first says.
func joinLocations(l, other *snapshot.Locations) *snapshot.Locations {
	if other == nil {
		return l
	}
	out := &snapshot.Locations{Bundles: slices.Clone(l.Bundles), Objects: slices.Clone(l.Objects)}
	at := map[string]int{}
	for i, b := range out.Bundles {
		at[b.Key] = i
	}
	to := make([]int, len(other.Bundles))
	for i, b := range other.Bundles {
		n, ok := at[b.Key]
		if !ok {
			n = len(out.Bundles)
			out.Bundles = append(out.Bundles, b)
		}
		to[i] = n
	}
	for _, x := range other.Objects {
		x.Bundle = to[x.Bundle]
		out.Objects = append(out.Objects, x)
	}
	out.Sort()
	return out
}

// randomKey is a key that nobody else has.
func randomKey(prefix string) string {
	var b [16]byte
	rand.Read(b[:])
	return prefix + hex.EncodeToString(b[:])
}
