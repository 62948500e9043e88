package actions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// smallObject is the size up to which objects share blocks with others: a request for each of
// hundreds of small modules takes longer than their bytes.
const smallObject = 1 << 20

// maxBundle is what the service takes as one entry: all that a repository may have, unless somebody
// pays for more. What is larger would be removed at once, after all the rest.
const maxBundle = 10 << 30

// making is a bundle that is being made. Safe for concurrent use.
//
// Blocks are uploaded as they come. Only the list of blocks makes a bundle of them, so the blocks
// of a body that failed are simply not in it.
type making struct {
	reader *reader
	turn   slots // of whoever reserves the key

	mu     sync.Mutex
	key    string
	to     string // the signed URL; "": the key is not reserved yet
	blocks int    // how many have an ID
	pieces []piece
	tail   tail                       // is not uploaded yet
	shared map[snapshot.NameHash]bool // the modules of all jobs in it
	err    error                      // of a block that many objects share
}

// piece is a run of blocks with whole objects in it.
type piece struct {
	ids     []string
	size    int64
	objects []snapshot.Located // offsets count from the beginning of the piece
}

// tail collects small objects for a block.
type tail struct {
	data    []byte
	objects []snapshot.Located
}

func newMaking(r *reader, key, to string) *making {
	return &making{reader: r, turn: newTurn(), key: key, to: to, shared: map[snapshot.NameHash]bool{}}
}

// reserve makes sure that the bundle has a key of its own, and returns the URL for its content.
func (m *making) reserve(ctx context.Context) (string, error) {
	if err := m.turn.acquire(ctx); err != nil {
		return "", err
	}
	defer m.turn.release()
	m.mu.Lock()
	key, to := m.key, m.to
	m.mu.Unlock()
	if to != "" {
		return to, nil
	}
	to, err := m.reader.service.create(ctx, key)
	if errors.Is(err, errTaken) { // by an attempt of this very request whose answer was lost
		key = randomKey(key[:strings.LastIndexByte(key, '-')+1])
		to, err = m.reader.service.create(ctx, key)
	}
	if err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.key, m.to = key, to
	return to, nil
}

// uploaded is how many bytes are in the bundle so far.
func (m *making) uploaded() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := int64(len(m.tail.data))
	for _, p := range m.pieces {
		n += p.size
	}
	return n
}

func (m *making) newID() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.blocks++
	return blockID(m.blocks)
}

// put uploads an object and returns its size.
func (m *making) put(ctx context.Context, name string, body io.Reader, size int64) (int64, error) {
	h := snapshot.HashName(name)
	view, hasView, err := viewOf(body, size)
	if err != nil {
		return 0, err
	}
	if size > maxBundle-m.uploaded() {
		return 0, fmt.Errorf("%w: with it the bundle is larger than %d bytes", store.ErrTooLarge, maxBundle)
	}
	to, err := m.reserve(ctx)
	if err != nil {
		return 0, err
	}
	if snapshot.IsShared(name) {
		m.share(h)
	}
	w := blockWriter{m.reader.blobs, to, m.newID}
	small := int(min(smallObject, w.blobs.size/4))
	switch {
	case hasView && view.size > int64(small):
		ids, err := w.view(ctx, view)
		if err != nil {
			return 0, err
		}
		m.add(piece{ids, view.size, []snapshot.Located{{Object: h, Len: view.size}}})
		return view.size, nil
	case hasView:
		data := make([]byte, view.size)
		if _, err := io.ReadFull(io.NewSectionReader(view.at, 0, view.size), data); err != nil {
			return 0, err
		}
		return view.size, m.flush(ctx, w, m.append(h, data))
	}
	ids, n, rest, err := w.stream(ctx, store.SizedBody(body, size), small)
	if err != nil {
		return 0, err
	}
	if ids != nil {
		m.add(piece{ids, n, []snapshot.Located{{Object: h, Len: n}}})
		return n, nil
	}
	full := m.append(h, rest)
	w.blobs.free.put(rest[:cap(rest)])
	w.blobs.slots.release()
	return n, m.flush(ctx, w, full)
}

func (m *making) add(p piece) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pieces = append(m.pieces, p)
}

// append adds a small object to the tail. If there is no room for it, it returns the tail, and
// begins another one.
func (m *making) append(h snapshot.NameHash, data []byte) (full tail) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if int64(len(m.tail.data)+len(data)) > m.reader.blobs.size {
		full, m.tail = m.tail, tail{}
	}
	m.tail.objects = append(m.tail.objects, snapshot.Located{Object: h, Off: int64(len(m.tail.data)), Len: int64(len(data))})
	m.tail.data = append(m.tail.data, data...)
	return full
}

// flush uploads a tail. If that fails, so does the bundle, as the objects in it count as put.
func (m *making) flush(ctx context.Context, w blockWriter, t tail) error {
	if len(t.objects) == 0 {
		return nil
	}
	p := piece{size: int64(len(t.data)), objects: t.objects}
	if len(t.data) > 0 {
		ids, err := w.view(ctx, contentOf(t.data))
		if err != nil {
			m.mu.Lock()
			defer m.mu.Unlock()
			m.err = err
			return err
		}
		p.ids = ids
	}
	m.add(p)
	return nil
}

func (m *making) share(h snapshot.NameHash) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.shared[h] = true
}

// ofAll returns those of the objects that are modules of all jobs.
func (m *making) ofAll(objects []snapshot.Located) (list []snapshot.Located) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, x := range objects {
		if m.shared[x.Object] {
			list = append(list, x)
		}
	}
	return list
}

// commit makes an entry of what was uploaded, and returns where it lies. The index of a bundle with
// modules of all jobs names these, and those of other; that of any other bundle names everything in
// it.
func (m *making) commit(ctx context.Context, other *snapshot.Locations) (*snapshot.Locations, error) {
	m.mu.Lock()
	rest := m.tail
	m.tail = tail{}
	to, failed, begun := m.to, m.err, m.to != "" && len(m.pieces)+len(rest.objects) > 0
	m.mu.Unlock()
	if failed != nil || !begun {
		return nil, failed
	}
	w := blockWriter{m.reader.blobs, to, m.newID}
	if err := m.flush(ctx, w, rest); err != nil {
		return nil, err
	}
	own, ids, size := layout(m.pieces)
	named := own
	if strings.HasPrefix(m.key, moduleKeys) {
		named = m.ofAll(own)
	}
	// An object that is in both is where it comes first, which is here.
	index := joinLocations(&snapshot.Locations{Bundles: []snapshot.Bundle{{Size: size}}, Objects: named}, other)
	head, err := index.Encode(snapshot.ObjectsFollow)
	if err != nil {
		return nil, err
	}
	// The index comes first, although it is known last: it is read by one request then.
	first, err := w.view(ctx, contentOf(head))
	if err != nil {
		return nil, err
	}
	if err := m.reader.blobs.putList(ctx, to, append(first, ids...)); err != nil {
		return nil, err
	}
	total := size + int64(len(head))
	if err := m.reader.finish(ctx, m.key, total); err != nil {
		return nil, err
	}
	for i := range own {
		own[i].Off += int64(len(head))
	}
	return &snapshot.Locations{Bundles: []snapshot.Bundle{{Key: m.key, Size: total}}, Objects: own}, nil
}

// layout puts pieces one after the other.
func layout(pieces []piece) (objects []snapshot.Located, ids []string, size int64) {
	for _, p := range pieces {
		for _, x := range p.objects {
			x.Off += size
			objects = append(objects, x)
		}
		ids = append(ids, p.ids...)
		size += p.size
	}
	l := snapshot.Locations{Objects: objects}
	l.Sort()
	return l.Objects, ids, size
}

// name is the key of the bundle, as far as it is known.
func (m *making) name() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.key
}
