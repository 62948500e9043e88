package stats

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Store is what a store consists of, of which several machines may save to it.
type Store struct {
	Name   string `json:"store"`
	Total  Amount `json:"total"` // objects of gocache
	Kinds  []Row  `json:"kinds"`
	Repos  Group  `json:"repos"`  // modules that all repositories share are one of them
	Scopes Group  `json:"scopes"` // repository and branch, pull request or tag
	Ages   []Row  `json:"ages"`   // when objects were written, or touched by a save that relies on them
	// Garbage is what gc with its defaults would remove at once, and Unnamed what it has noted, or
	// would note, to be removed when it stays unnamed.
	Garbage Amount `json:"garbage"`
	Unnamed Amount `json:"unnamed"`
	Other   Amount `json:"other"` // objects that are not gocache's
	// Snapshots are those that were written last, with how they grew.
	Snapshots []Snapshot `json:"snapshots"`
	Manifests int        `json:"manifests"` // how many manifests could be read
	// Unreadable manifests protect whatever they might name.
	Unreadable int `json:"unreadable,omitempty"`
}

// OneScopeEach reports whether a list of scopes says all that one of repositories would.
func (s *Store) OneScopeEach() bool {
	return s.Repos.Others == s.Scopes.Others && slices.EqualFunc(s.Repos.Rows, s.Scopes.Rows, func(a, b Row) bool { return a.Amount == b.Amount })
}

// Snapshot is how one snapshot grew.
type Snapshot struct {
	Repo   string    `json:"repo"`
	Scope  string    `json:"scope"`
	Key    string    `json:"key"`
	Saved  time.Time `json:"saved"`
	Stored int64     `json:"stored"` // bytes of the objects that it names
	Trend  []Point   `json:"trend"`
	Growth Growth    `json:"growth"`
}

// Point is a size at a time.
type Point struct {
	Time  time.Time `json:"time"`
	Bytes int64     `json:"bytes"`
}

// maxSnapshots bounds how many snapshots are listed.
const maxSnapshots = 50

// sharedModules names what belongs to no repository.
const sharedModules = "(shared by all)"

// StoreCollector sums up the objects of a store, as a gc.Watcher.
type StoreCollector struct {
	kinds, repos, scopes sums
	ages                 ages
	total                Amount

	mu        sync.Mutex        // guards what follows
	names     map[string]string // of repositories and scopes, by their escaped elements
	snapshots map[string]Snapshot
	manifests map[string]bool // by name; one that is read twice counts once
}

// NewStoreCollector returns one that has seen nothing.
func NewStoreCollector(now time.Time) *StoreCollector {
	return &StoreCollector{
		kinds: sums{}, repos: sums{}, scopes: sums{}, ages: ages{now: now},
		names: map[string]string{}, snapshots: map[string]Snapshot{}, manifests: map[string]bool{},
	}
}

// Manifest notes whose snapshot it is and how it grew. It is safe for concurrent use.
func (c *StoreCollector) Manifest(e store.Entry, data []byte) {
	o, err := snapshot.OverviewOf(data)
	if err != nil {
		return // gc counts what cannot be read
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.names[snapshot.Escape(o.Repo)], c.names[snapshot.Escape(o.Scope)] = o.Repo, o.Scope
	c.manifests[e.Name] = true
	s := snapshotOf(o)
	// the exact one and the latest of a save are of one snapshot
	name := s.Repo + "\x00" + s.Scope + "\x00" + s.Key
	if old, ok := c.snapshots[name]; !ok || old.Saved.Before(s.Saved) {
		c.snapshots[name] = s
	}
	c.forget()
}

// forget keeps the memory bounded.
func (c *StoreCollector) forget() {
	if len(c.snapshots) < 4*maxSnapshots {
		return
	}
	keep := c.latest()
	clear(c.snapshots)
	for _, s := range keep {
		c.snapshots[s.Repo+"\x00"+s.Scope+"\x00"+s.Key] = s
	}
}

// latest are the snapshots that were written last.
func (c *StoreCollector) latest() []Snapshot {
	list := make([]Snapshot, 0, len(c.snapshots))
	for _, s := range c.snapshots {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b Snapshot) int {
		return cmp.Or(b.Saved.Compare(a.Saved), cmp.Compare(b.Stored, a.Stored),
			strings.Compare(a.Repo+a.Scope+a.Key, b.Repo+b.Scope+b.Key))
	})
	return slices.Clone(list[:min(len(list), maxSnapshots)])
}

// snapshotOf describes a manifest by its overview. The last element of its key is a hash of module
// files, or latest, which say nothing to people.
func snapshotOf(o snapshot.Overview) Snapshot {
	key := o.Key[:max(0, len(o.Key)-1)]
	s := Snapshot{Repo: o.Repo, Scope: o.Scope, Key: strings.Join(key, " "), Saved: o.Writer.Time.UTC(), Trend: []Point{}}
	for _, t := range o.Trend {
		s.Trend = append(s.Trend, Point{t.Time.UTC(), t.Stored})
		s.Stored = t.Stored
	}
	s.Growth = growthOf(s.Key, s.Trend)
	return s
}

// Object counts one object. It is called by one goroutine, after all manifests.
func (c *StoreCollector) Object(e store.Entry, kind snapshot.Kind) {
	if kind == snapshot.KindOther {
		return // gc counts those
	}
	repo, scope := snapshot.OwnerOf(e.Name)
	c.Add(kind.Title(), c.name(repo), c.name(scope), e.Size, e.ModTime)
}

// Add counts one object of a kind, which is named as in the report.
func (c *StoreCollector) Add(kind, repo, scope string, bytes int64, at time.Time) {
	c.total.Add(bytes)
	c.kinds.add(kind, 1, bytes)
	if repo == "" {
		repo = sharedModules
	}
	c.repos.add(repo, 1, bytes)
	if scope != "" {
		repo += " " + scope
	}
	c.scopes.add(repo, 1, bytes)
	c.ages.add(at, 1, bytes)
}

// name returns what an escaped element stands for, as far as a manifest said it.
func (c *StoreCollector) name(escaped string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name, ok := c.names[escaped]; ok {
		return name
	}
	return strings.ReplaceAll(escaped, "~", "/")
}

// Store returns what was seen.
func (c *StoreCollector) Store(name string) *Store {
	c.mu.Lock()
	defer c.mu.Unlock()
	return &Store{
		Name: name, Total: c.total, Kinds: c.kinds.rows(), Repos: c.repos.group(MaxRows), Scopes: c.scopes.group(MaxRows),
		Ages: c.ages.rows(), Snapshots: c.latest(), Manifests: len(c.manifests),
	}
}
