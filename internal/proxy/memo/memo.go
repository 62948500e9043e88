// Package memo keeps what was found out in memory: a bounded number of bytes, for as long as it may
// be relied on. What was not used for longest goes first.
package memo

import (
	"container/list"
	"sync"
	"time"
)

// Entry is what is remembered under a key: data, or the error that is the answer.
type Entry struct {
	Data []byte
	Err  error
	// Unproven says that another answer may turn out to be the right one.
	Unproven bool
	Read     time.Time // when it was found out
}

// Forever is for what never changes.
const Forever = 1<<63 - 1

// perEntry is about what an entry takes beside its key and data.
const perEntry = 250

// Memo is safe for concurrent use.
type Memo struct {
	limit int64
	now   func() time.Time

	mu    sync.Mutex
	bytes int64
	byKey map[string]*list.Element
	order *list.List // of item, the last used first
}

type item struct {
	key   string
	group string
	until time.Time // zero: Forever
	Entry
}

// New returns an empty Memo of at most limit bytes. now is the clock.
func New(limit int64, now func() time.Time) *Memo {
	return &Memo{limit: limit, now: now, byKey: map[string]*list.Element{}, order: list.New()}
}

func (i item) size() int64 { return perEntry + int64(len(i.key)+len(i.group)+len(i.Data)) }

// Get returns what is remembered, unless its time is over.
func (m *Memo) Get(key string) (Entry, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.byKey[key]
	if !ok {
		return Entry{}, false
	}
	it := e.Value.(item)
	if !it.until.IsZero() && m.now().After(it.until) {
		m.remove(e)
		return Entry{}, false
	}
	m.order.MoveToFront(e)
	return it.Entry, true
}

// Put remembers an entry for a time; not at all if that is 0. group is what Forget takes.
func (m *Memo) Put(group, key string, e Entry, keep time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if old, ok := m.byKey[key]; ok {
		m.remove(old)
	}
	it := item{key: key, group: group, Entry: e}
	it.Read = m.now()
	if keep <= 0 {
		return
	}
	if keep != Forever {
		it.until = it.Read.Add(keep)
	}
	if it.size() > m.limit/8 {
		return // it would drop everything else
	}
	m.byKey[key] = m.order.PushFront(it)
	for m.bytes += it.size(); m.bytes > m.limit; {
		m.remove(m.order.Back())
	}
}

// Forget drops what of a group can change: all that has a time.
func (m *Memo) Forget(group string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for e := m.order.Front(); e != nil; {
		next := e.Next()
		if it := e.Value.(item); it.group == group && !it.until.IsZero() {
			m.remove(e)
		}
		e = next
	}
}

// Drop forgets one entry.
func (m *Memo) Drop(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.byKey[key]; ok {
		m.remove(e)
	}
}

// Bytes is about how much memory it takes.
func (m *Memo) Bytes() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes
}

func (m *Memo) remove(e *list.Element) {
	it := m.order.Remove(e).(item)
	delete(m.byKey, it.key)
	m.bytes -= it.size()
}
