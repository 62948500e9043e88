package actions

import (
	"context"
	"errors"
	"io"
	"slices"

	"github.com/org/gocache-action/internal/snapshot"
)

// A version that is reserved is passed over when it does not come: mostly the save was killed, but
// sometimes lookups lag behind for minutes, and what it has stored would be lost. So each version
// notes those that were passed over before it, and the next saves look whether one has come.

// maxCarried is how many versions later one that was passed over is still looked for: each save
// does so once.
const maxCarried = 3

// pass notes that versions are reserved and could not be seen.
func (ed *editions) pass(prefix string, list ...uint64) {
	if len(list) == 0 {
		return
	}
	ed.mu.Lock()
	defer ed.mu.Unlock()
	all := slices.Concat(ed.passed[prefix], list)
	slices.Sort(all)
	ed.passed[prefix] = slices.Compact(all)
}

// came notes that a version was seen that was passed over.
func (ed *editions) came(prefix string, n uint64) {
	ed.mu.Lock()
	defer ed.mu.Unlock()
	ed.passed[prefix] = slices.DeleteFunc(slices.Clone(ed.passed[prefix]), func(m uint64) bool { return m == n })
}

// passedBefore returns the versions that version n says were passed over.
func (ed *editions) passedBefore(prefix string, n uint64) []uint64 {
	ed.mu.Lock()
	defer ed.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(ed.passed[prefix]), func(m uint64) bool { return m >= n || n-m > maxCarried })
	return list[max(0, len(list)-snapshot.MaxPassed):]
}

// Missed implements store.Bundler.
func (s *Store) Missed(ctx context.Context, name string) ([][]byte, error) {
	list, err := s.editions.missed(ctx, entryPrefix(name))
	if err != nil {
		return nil, s.fail("read", name, err)
	}
	return list, nil
}

func (ed *editions) missed(ctx context.Context, prefix string) (list [][]byte, err error) {
	ed.mu.Lock()
	numbers, newest := ed.passed[prefix], ed.newest[prefix].n
	ed.mu.Unlock()
	for _, n := range numbers {
		if n >= newest {
			continue
		}
		key := numbered(prefix, n)
		m, ok, err := ed.service.lookup(ctx, key)
		if err != nil {
			return nil, err
		}
		if !ok || m.key != key {
			continue
		}
		data, err := ed.readMissed(ctx, prefix, n, m)
		if err != nil {
			return nil, err
		}
		ed.came(prefix, n)
		if data != nil {
			list = append(list, data)
		}
	}
	return list, nil
}

// readMissed reads an entry. One that is gone or damaged is nil.
func (ed *editions) readMissed(ctx context.Context, prefix string, n uint64, m match) ([]byte, error) {
	b, err := ed.places.matched(ctx, m)
	if err != nil {
		return nil, err
	}
	body, info, err := ed.openEntry(ctx, edition{prefix, n, b})
	if isMiss(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if info.Size > maxEntry {
		return nil, nil
	}
	data, err := io.ReadAll(body)
	if errors.Is(err, snapshot.ErrCorrupt) || errors.Is(err, snapshot.ErrFormat) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil
	}
	return data, err
}
