// Package collect is what all kinds of content have in common on their way from the disk to a
// store: the interface of a kind, what the store has already, and the objects that are to be made.
//
// A save scans each kind once, which gives a [Kind]: a value that holds what is on this machine,
// and where this save has put it. All decisions are made of such values alone, without a store, a
// clock or a file system:
//
//	Kind.Merge      what is here, joined with the manifest under the same key
//	Merged.Keep     less what the policy drops
//	Kept.Shares     what of the stored packs is still alive
//	Kept.Place      into the next manifest; what the store lacks becomes jobs
//
// Of outputs of the build cache, the store can have parts: before their jobs are made they are
// read, and cut into chunks (Planned.Prepare).
//
// The jobs are then carried out, Kind.With adds what became of them, and the same decisions are
// made again: as often as another save of the same key was faster.
package collect

import (
	"context"
	"time"

	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// Kind is what a save knows of one kind of content. It is a value: the methods change nothing, and
// those that return a Kind return another one.
type Kind interface {
	// Merge joins what is here with what the manifest has that is to be replaced.
	Merge(base Base) Merged
	// With adds what became of jobs. Those of other kinds are passed over.
	With(done []Outcome) Kind
	// Without forgets what lies in some objects.
	Without(gone func(object string) bool) Kind
}

// Base is what a plan builds upon.
type Base struct {
	Stock *Stock
	Own   *snapshot.Manifest // the newest one under the key; nil: there is none
	// Meanwhile says that another save wrote Own after this one had begun, so that Stock does not
	// know it.
	Meanwhile bool
	Start     time.Time     // of the save
	MaxAge    time.Duration // what was unused for longer is dropped; 0: never
	// Untrimmed says that nothing is dropped, and no use corrected: the job failed, or a clock is
	// wrong.
	Untrimmed bool
}

// Clamp corrects a last use that a machine with a wrong clock recorded.
func (b Base) Clamp(lastUse int64) int64 {
	if b.Untrimmed {
		return lastUse
	}
	return retention.Clamp(lastUse, b.Start)
}

// Oldest is the last use below which something has aged, in Unix seconds; margin is added to the
// age.
func (b Base) Oldest(margin time.Duration) int64 {
	if b.MaxAge <= 0 {
		return -1 << 62
	}
	return b.Start.Add(-b.MaxAge - margin).Unix()
}

// Merged is what the next snapshot would have of a kind if nothing were dropped.
type Merged interface {
	// Items appends what the policy decides about.
	Items(list []retention.Item) []retention.Item
	// Keep drops what the verdicts on these items drop; with no verdicts, nothing. It may use the
	// memory of the Merged, which must not be used afterwards.
	Keep(items []retention.Item, verdicts []retention.Verdict) Kept
}

// Kept is what the next snapshot should have of a kind.
type Kept interface {
	// Stays is how much of what the policy has decided about is kept, in bytes on disk.
	Stays() retention.Amount
	// Gone tells what the policy dropped.
	Gone(tell func(retention.Verdict, retention.Dropped))
	// Shares says how much of each stored pack is alive.
	Shares() []Share
	// Place adds what is stored to the builder and to the lists of m. What lies only in packs of
	// rewrite does not count as stored.
	Place(b *snapshot.Builder, m *snapshot.Manifest, rewrite map[string]bool) Planned
}

// Share says how much of a pack is still alive. Sizes are uncompressed bytes.
type Share struct {
	Object    string
	Live, Raw int64
	// Remote says that something alive in it is not in the local cache, so that it cannot be packed
	// anew here.
	Remote bool
}

// Shares collects the shares of packs. The zero value is ready.
type Shares struct {
	list    []Share
	covered []snapshot.Coverage // of the same packs
	index   map[string]int
}

// Add adds live bytes of a pack; here says whether they are in the local cache too.
func (s *Shares) Add(p *snapshot.Pack, live int64, here bool) {
	s.list[s.at(p, here)].Live += live
}

// Cover adds live bytes of a pack that others may share: each counts once.
func (s *Shares) Cover(p *snapshot.Pack, e snapshot.Extent, here bool) {
	s.covered[s.at(p, here)].Add(e)
}

func (s *Shares) at(p *snapshot.Pack, here bool) int {
	i, ok := s.index[p.Object]
	if !ok {
		if s.index == nil {
			s.index = map[string]int{}
		}
		i = len(s.list)
		s.index[p.Object] = i
		s.list = append(s.list, Share{Object: p.Object, Raw: p.Raw})
		s.covered = append(s.covered, snapshot.Coverage{})
	}
	s.list[i].Remote = s.list[i].Remote || !here
	return i
}

// List returns what was added, by pack. Nothing can be added afterwards.
func (s *Shares) List() []Share {
	for i := range s.covered {
		s.list[i].Live += s.covered[i].Bytes()
	}
	s.covered = nil
	return s.list
}

// Planned is the part of a plan that concerns one kind. It is what is uploaded, what a plan prints,
// and what is counted at the end.
type Planned struct {
	Jobs []Job
	// Prepare, unless it is nil, reads what is missing to find out what of it the store lacks, and
	// makes the jobs of it. It fails only when ctx is done.
	Prepare  func(ctx context.Context, in Preparing) (Prepared, error)
	Memory   int64 // bytes that Prepare takes, about
	Reads    int   // files that Prepare reads
	Stored   int   // entries, modules or files that the manifest has
	Missing  int   // those that the store lacks, and that the jobs would store
	Trimmed  int   // those that the policy dropped
	Bytes    int64 // of the files that are read for them
	Warnings []string
}

// Preparing is what Planned.Prepare works with. Its functions are safe for concurrent use.
type Preparing struct {
	// List reads the list of chunks of a stored pack.
	List func(ctx context.Context, p *snapshot.Pack) ([]snapshot.Chunk, error)
	// Requests is how many lists are read at once.
	Requests int
	Note     Note
}

// Prepared is what Planned.Prepare has found out.
type Prepared struct {
	Jobs []Job
	// Known is for Kind.With, before the outcomes of the jobs.
	Known Outcome
	// Memory is what Jobs and Known take, in bytes.
	Memory  int64
	Extents int64 // of outputs that Known can place
}
