package gc

import (
	"bytes"
	"slices"

	"github.com/org/gocache-action/internal/gcnotes"
)

// nameSet is a set of object names, as sorted fingerprints: 16 bytes a name, and while it is filled
// half as much again. Two names with one fingerprint (2^-88 for a million of them) would only keep
// one object too many. Not safe for concurrent use.
type nameSet struct {
	sorted, fresh []gcnotes.Fingerprint
}

func compare(a, b gcnotes.Fingerprint) int { return bytes.Compare(a[:], b[:]) }

// minFresh names are collected before they are sorted in.
const minFresh = 1 << 14

// add adds a name. Most come many times, since snapshots of one project name the same modules.
func (s *nameSet) add(name string) {
	f := gcnotes.FingerprintOf(name)
	if s.hasSorted(f) {
		return
	}
	s.fresh = append(s.fresh, f)
	if len(s.fresh) >= max(minFresh, len(s.sorted)/2) {
		s.seal()
	}
}

// seal makes the set ready for has.
func (s *nameSet) seal() {
	s.sorted = append(s.sorted, s.fresh...)
	s.fresh = nil
	slices.SortFunc(s.sorted, compare)
	s.sorted = slices.Compact(s.sorted)
}

// has reports whether a name was added before the last seal.
func (s *nameSet) has(f gcnotes.Fingerprint) bool { return s.hasSorted(f) }

func (s *nameSet) hasSorted(f gcnotes.Fingerprint) bool {
	_, ok := slices.BinarySearchFunc(s.sorted, f, compare)
	return ok
}
