// Package listing says which snapshots a store has, for people: a restore never lists. What a name,
// a time and a size tell comes from the listing, the rest from the manifests, of which it reads the
// beginning.
package listing

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// MaxListed bounds how many manifests are read and kept, those that were written last: a row takes
// about a kilobyte. All others are counted.
const MaxListed = 10_000

// Filter says which snapshots are meant; "" is any.
type Filter struct{ Repo, Scope, Name string }

// Snapshot is one in a store.
type Snapshot struct {
	ID string `json:"id"` // short, of the object
	// Object is the name of its manifest, or on GitHub the key of its entry.
	Object string   `json:"object"`
	Also   string   `json:"also,omitempty"` // the same manifest under the latest key
	Repo   string   `json:"repo"`
	Scope  string   `json:"scope"`
	Key    []string `json:"key,omitempty"` // none if the manifest could not be read
	// Readable is the key for people: with a shortened digest, and of names that are not known as
	// far as the name of the object tells.
	Readable string `json:"readable"`
	// Latest is set if jobs with other module files restore it.
	Latest  bool      `json:"latest"`
	Saved   time.Time `json:"saved,omitzero"`   // the last save, by its own word
	Written time.Time `json:"written"`          // by the store's clock
	Read    time.Time `json:"read,omitzero"`    // the last restore, where the store knows
	Stored  int64     `json:"stored"`           // bytes of all objects that it names; 0: not known
	Bytes   int64     `json:"manifest"`         // of its manifest
	Actions int       `json:"actions"`          // build entries
	Modules int       `json:"modules"`          // versions
	Saves   int       `json:"saves"`            // that are remembered
	Commit  string    `json:"commit,omitempty"` // of the last save
	Run     string    `json:"run,omitempty"`    // the same
	Older   int       `json:"older,omitempty"`  // versions that it has replaced and that are still there
	Problem string    `json:"problem,omitempty"`

	// group is the same for snapshots that differ in their module files only.
	group string
	// isNamed tells of the name in the key where only a hash of it is known; nil elsewhere.
	isNamed func(name string) bool
}

// LastUse is the last time that is known of it. Jobs that use a snapshot write it at least once a
// day, unless they only restore.
func (s *Snapshot) LastUse() time.Time {
	return slices.MaxFunc([]time.Time{s.Saved, s.Written, s.Read}, time.Time.Compare)
}

// Result is what was found.
type Result struct {
	Snapshots []Snapshot `json:"snapshots"`
	// More manifests fit the filter and are not listed, as there are too many.
	More int `json:"more,omitempty"`
}

// idDigits is how long an ID is: among ten thousand, two have the same once in twenty thousand
// stores.
const idDigits = 10

// idOf is a short name of an object.
func idOf(names ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(names, "\x00")))
	return hex.EncodeToString(sum[:])[:idDigits]
}

// readableKey is a key for people.
func readableKey(elements []string) string {
	list := slices.Clone(elements)
	if n := len(list) - 1; n >= 0 && len(list[n]) > 16 {
		list[n] = list[n][:16]
	}
	return strings.Join(list, "/")
}

// Order says by what a list is sorted.
type Order string

// The orders. Of equal ones the last used comes first.
const (
	ByUse  Order = "use"  // the last one first
	BySize Order = "size" // the largest first
	ByName Order = "name" // repository, scope, key
)

// Sort brings snapshots into an order.
func Sort(list []Snapshot, by Order) {
	slices.SortFunc(list, func(a, b Snapshot) int {
		names := cmp.Or(strings.Compare(a.Repo, b.Repo), strings.Compare(a.Scope, b.Scope))
		use := b.LastUse().Compare(a.LastUse())
		switch by {
		case BySize:
			return cmp.Or(cmp.Compare(b.Stored, a.Stored), use, names, strings.Compare(a.Object, b.Object))
		case ByName:
			return cmp.Or(names, strings.Compare(a.Readable, b.Readable), use, strings.Compare(a.Object, b.Object))
		}
		return cmp.Or(use, names, strings.Compare(a.Readable, b.Readable), strings.Compare(a.Object, b.Object))
	})
}

// minID is how many digits of an ID are enough.
const minID = 4

// Find returns the snapshots that a word of people means: an object, an ID or its beginning, a key
// or the beginning of one. Of snapshots that differ in nothing but the module files it returns the
// latest.
func Find(list []Snapshot, word string) (found []Snapshot) {
	for _, s := range list {
		if s.Object == word || s.Also == word || len(word) >= minID && strings.HasPrefix(s.ID, word) {
			return append(found[:0], s)
		}
		if key := strings.Join(s.Key, "/"); s.Readable == word || key == word || strings.HasPrefix(s.Readable, word+"/") || s.isNamed != nil && s.isNamed(word) {
			found = append(found, s)
		}
	}
	return latestOfAll(found)
}

// latestOfAll leaves one of snapshots that are of one family, and all of others.
func latestOfAll(list []Snapshot) []Snapshot {
	if len(list) < 2 {
		return list
	}
	for _, s := range list[1:] {
		if s.group != list[0].group {
			return list
		}
	}
	return []Snapshot{slices.MaxFunc(list, func(a, b Snapshot) int {
		if a.Latest != b.Latest {
			return cmp.Compare(boolRank(a.Latest), boolRank(b.Latest))
		}
		return a.LastUse().Compare(b.LastUse())
	})}
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}
