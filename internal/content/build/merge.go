package build

import (
	"bytes"
	"cmp"
	"iter"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/snapshot"
)

// record is one action entry, stored or here.
type record struct {
	action, output digest.ID
	size           int64  // of the output
	time, lastUse  int64  // ns; Unix seconds
	exec           string // of a program, its name
}

// mergeEntries joins what is here with what a manifest has; both are sorted by action, and so is
// the result. Of two outputs of one action the newer one wins, and any use counts. The result is no
// list, which would be one more of a million entries, but is made whenever somebody goes through
// it.
func mergeEntries(local Local, own *snapshot.Manifest) iter.Seq[record] {
	if own == nil {
		own = new(snapshot.Manifest)
	}
	return func(yield func(record) bool) {
		i := 0
		for _, a := range own.Actions {
			for ; i < local.Len() && bytes.Compare(local.list[i].action[:], a.ID[:]) < 0; i++ {
				if !yield(local.at(i)) {
					return
				}
			}
			o := &own.Outputs[a.Output]
			e := record{a.ID, o.ID, o.Size, a.Time, a.LastUse, o.Exec}
			if i < local.Len() && local.list[i].action == a.ID {
				e = newer(local.at(i), e)
				i++
			}
			if !yield(e) {
				return
			}
		}
		for ; i < local.Len(); i++ {
			if !yield(local.at(i)) {
				return
			}
		}
	}
}

// newer is the same for both orders of its arguments, also where two jobs made different outputs at
// the same moment.
func newer(a, b record) record {
	use := max(a.lastUse, b.lastUse)
	if cmp.Or(cmp.Compare(b.time, a.time), bytes.Compare(b.output[:], a.output[:])) > 0 {
		a = b
	}
	a.lastUse = use
	return a
}
