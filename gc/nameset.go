package gc

import (
	"bytes"
	"slices"

	"github.com/org/gocache-action/internal/gcnotes"
)

// nameSet is a set of object names, kept as sorted fingerprints: 16 bytes a name, and up to half as
// much again while names are added. If two names had the same fingerprint (probability 2^-88 with a
// million names), an object would be kept in vain. It is not safe for concurrent use.
type nameSet struct {
	sorted, fresh []gcnotes.Fingerprint
}

func compare(a, b gcnotes.Fingerprint) int { return bytes.Compare(a[:], b[:]) }

// minFresh is how many new names are collected, at least, before they are merged.
const minFresh = 1 << 14

// add adds a name. Most names are added many times, since snapshots of a project name the same
// modules.
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

// seal merges the new names, so that has finds them.
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
