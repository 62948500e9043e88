package objects

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// A claim is what a manifest says of an object: its size, a hash of what else it says, and how to
// read it. It takes 40 bytes.
type claim struct {
	object   gcnotes.Fingerprint
	size     int64
	content  contentID
	manifest int32 // index of the first manifest that says it
	list     int32 // stored bytes of the list of chunks at the end of a pack; 0: it has none
}

// contentID tells contents apart: the frames of a pack, or the files of a module.
type contentID [8]byte

// claims are those of all manifests, each once. They are added by one goroutine at a time, sealed,
// and then only marked.
type claims struct {
	manifests []string
	list      []claim // the first sealed are sorted
	sealed    int
	seen      []atomic.Bool // by the index of a claim
}

// minFresh is how many claims are collected, at least, before they are merged.
const minFresh = 1 << 14

func compareClaims(a, b claim) int {
	return cmp.Or(bytes.Compare(a.object[:], b.object[:]), cmp.Compare(a.size, b.size), bytes.Compare(a.content[:], b.content[:]))
}

// add adds what a manifest says. Most of it other manifests say, too.
func (c *claims) add(one claim) {
	if c.list = append(c.list, one); len(c.list)-c.sealed >= max(minFresh, c.sealed/2) {
		c.merge()
	}
}

func (c *claims) merge() {
	slices.SortFunc(c.list, compareClaims)
	c.list = slices.CompactFunc(c.list, func(a, b claim) bool { return compareClaims(a, b) == 0 })
	c.sealed = len(c.list)
}

// seal is called when all claims are added.
func (c *claims) seal() {
	c.merge()
	c.seen = make([]atomic.Bool, len(c.list))
}

func (c *claims) find(name string) (first, n int) {
	f := gcnotes.FingerprintOf(name)
	first, _ = slices.BinarySearchFunc(c.list, f, func(a claim, f gcnotes.Fingerprint) int { return bytes.Compare(a.object[:], f[:]) })
	for first+n < len(c.list) && c.list[first+n].object == f {
		n++
	}
	return first, n
}

// of returns what manifests say of an object.
func (c *claims) of(name string) []claim {
	first, n := c.find(name)
	return c.list[first : first+n]
}

// see notes that an object is there.
func (c *claims) see(name string) {
	first, n := c.find(name)
	for i := range n {
		c.seen[first+i].Store(true)
	}
}

// content is what an object turned out to have.
type content struct {
	id      contentID
	warning string // what harms nobody but a save
	remedy  string // what to do if there is an error; "": the next save mends it
}

// differs says in what a claim differs from an object that is right in itself. A module object can
// be written anew with another size, which readers do not mind.
func (c claim) differs(kind snapshot.Kind, e store.Entry, is content) (string, finding.Status) {
	switch {
	case c.content != is.id && kind == snapshot.KindModule:
		return "that its tree has other files, or another base", finding.Fail
	case c.content != is.id:
		return "that it has other frames, or another number of chunks", finding.Fail
	case c.size != e.Size && kind == snapshot.KindModule:
		return fmt.Sprintf("that it has %d bytes, and it has %d", c.size, e.Size), finding.Warn
	case c.size != e.Size:
		return fmt.Sprintf("that it has %d bytes, and it has %d", c.size, e.Size), finding.Fail
	}
	return "", finding.OK
}

// framesID is the content of a pack; chunks is how many it has, 0 for one of other content.
func framesID(frames []snapshot.Frame, chunks int) contentID {
	h := sha256.New()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], uint64(chunks))
	h.Write(b[:])
	for _, f := range frames {
		binary.LittleEndian.PutUint64(b[:], uint64(f.Size))
		binary.LittleEndian.PutUint64(b[8:], uint64(f.Raw))
		h.Write(b[:])
		h.Write(f.Sum[:])
	}
	return contentID(h.Sum(nil)[:8])
}

// treeID is the content of a module object: the files of its tree, their bytes, and the name of its
// base, "" if it is whole.
func treeID(files int, size int64, base string) contentID {
	sum := sha256.Sum256(fmt.Appendf(nil, "%d %d %s", files, size, base))
	return contentID(sum[:8])
}
