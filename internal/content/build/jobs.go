package build

import (
	"sort"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/snapshot"
)

// State is what the local build cache holds.
type State struct {
	Inventory *buildcache.Inventory // without Wrong
	Wrong     []buildcache.Output   // their bytes do not match their names; they have to go
}

// Jobs is the plan for action entries and outputs. It does not change once it is made.
type Jobs struct {
	Reads   []Read
	Ready   []int32 // actions that lack only their entry: the output is present
	Empty   []int32 // needed outputs without a byte
	Present int     // how many actions have an entry
	Outputs int     // how many outputs are needed
	Raw     int64   // their bytes
	Wrong   []buildcache.Output
	Partial []string // outputs that an earlier restore may have left behind

	manifest *snapshot.Manifest
	actions  actionIndex
	refs     refs
	known    install.Outcome
}

// Read is one ranged read of consecutive frames of a pack.
type Read struct {
	Pack       int   // index into the packs of the manifest
	First, End int   // frames [First, End)
	Bytes      int64 // stored bytes to transfer
}

// maxGap is how many stored bytes of unwanted frames are read rather than making another request.
const maxGap = 1 << 20

// maxUnread is how many unreadable directories are named in warnings.
const maxUnread = 3

// Plan decides which outputs and actions of the manifest are to be fetched, in reads of about
// partSize stored bytes.
func Plan(m *snapshot.Manifest, here State, partSize int64) Jobs {
	p := Jobs{manifest: m, Wrong: here.Wrong, Partial: here.Inventory.Partial}
	wanted := make([]bool, len(m.Actions))
	for i, a := range m.Actions {
		if wanted[i] = !hasAction(here.Inventory.Entries, a.ID); !wanted[i] {
			p.Present++
		}
	}
	p.actions = indexActions(m, wanted)
	p.refs = indexRefs(m, p.need(here))
	p.Reads = groupReads(m, &p.refs, readBytes(p.refs.stored(m), partSize))
	p.known.Counts.Present = p.Present
	p.warn(here)
	return p
}

// need marks the outputs that wanted actions need and that are not here, and sums them up.
func (p *Jobs) need(here State) []bool {
	needed := make([]bool, len(p.manifest.Outputs))
	for i, o := range p.manifest.Outputs {
		actions := p.actions.of(i)
		switch {
		case len(actions) == 0:
			continue
		case isWhole(here.Inventory, o):
			p.Ready = append(p.Ready, actions...)
			continue
		case len(o.Extents) == 0:
			p.Empty = append(p.Empty, int32(i))
		}
		needed[i] = true
		p.Outputs++
		p.Raw += o.Size
	}
	return needed
}

// warn reports what is wrong with the local cache.
func (p *Jobs) warn(here State) {
	for i, err := range here.Inventory.Unread {
		if i == maxUnread {
			p.known.Warn("and %s of the build cache", quantity.Counted(len(here.Inventory.Unread)-i, "more directory"))
			break
		}
		p.known.Warn("build cache: what lies there is not known: %v", err)
	}
	for _, o := range here.Wrong {
		p.known.Warn("build output %s is not what it is named by, and goes", o.ID)
	}
}

// Summary implements install.Planned. An action counts as fetched also if its output is present.
func (p Jobs) Summary() install.Summary {
	fetch := len(p.manifest.Actions) - p.Present
	s := install.Summary{Fetch: fetch, Bytes: p.Raw, Files: int64(fetch + p.Outputs), Known: p.known}
	for i, r := range p.Reads {
		s.Stored += r.Bytes
		if i == 0 || r.Pack != p.Reads[i-1].Pack {
			s.Packs = append(s.Packs, r.Pack)
		}
	}
	return s
}

// hasAction reports whether there is a complete local entry of the action, whatever its output: an
// entry that the go command wrote itself is never older than that of the snapshot.
func hasAction(entries []buildcache.Local, id digest.ID) bool {
	i := sort.Search(len(entries), func(i int) bool { return string(entries[i].Action[:]) >= string(id[:]) })
	return i < len(entries) && entries[i].Action == id
}

// isWhole reports whether an output is present, complete, and of the right kind.
func isWhole(inv *buildcache.Inventory, o snapshot.Output) bool {
	here, ok := inv.Output(o.ID)
	return ok && here.Size == o.Size && here.Exec == o.Exec
}

// actionIndex finds the wanted actions of an output: those of output i are
// list[start[i]:start[i+1]].
type actionIndex struct {
	start []int32
	list  []int32
}

func (a actionIndex) of(output int) []int32 { return a.list[a.start[output]:a.start[output+1]] }

func indexActions(m *snapshot.Manifest, wanted []bool) actionIndex {
	idx := actionIndex{start: make([]int32, len(m.Outputs)+1)}
	for i, a := range m.Actions {
		if wanted[i] {
			idx.start[a.Output+1]++
		}
	}
	for i := range m.Outputs {
		idx.start[i+1] += idx.start[i]
	}
	idx.list = make([]int32, idx.start[len(m.Outputs)])
	fill := append([]int32(nil), idx.start...)
	for i, a := range m.Actions {
		if wanted[i] {
			idx.list[fill[a.Output]] = int32(i)
			fill[a.Output]++
		}
	}
	return idx
}
