package retention

import (
	"cmp"
	"slices"
	"time"
)

// Amount counts items of one kind and their bytes on disk.
type Amount struct {
	Count int   `json:"count"`
	Bytes int64 `json:"bytes"`
}

// Add counts one more.
func (a *Amount) Add(bytes int64) {
	a.Count++
	a.Bytes += bytes
}

// Dropped is an item that was dropped.
type Dropped struct {
	Kind    string    `json:"kind"` // such as "module" or "build entry"
	Name    string    `json:"name"` // path@version, or the action ID
	Bytes   int64     `json:"bytes"`
	LastUse time.Time `json:"lastUse"`
	Reason  string    `json:"reason"` // a Verdict such as "age" or "size", or a reason of the caller
}

// MaxListed bounds Largest.
const MaxListed = 20

// Largest lists the largest of what was dropped, MaxListed at most, in order.
type Largest []Dropped

// Add inserts d if it is large enough.
func (l *Largest) Add(d Dropped) {
	i, _ := slices.BinarySearchFunc(*l, d, func(a, b Dropped) int { return cmp.Compare(b.Bytes, a.Bytes) })
	if i < MaxListed {
		*l = slices.Insert(*l, i, d)
		*l = (*l)[:min(len(*l), MaxListed)]
	}
}
