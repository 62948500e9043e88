package build

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"

	"github.com/org/gocache-action/internal/chunk"
)

// followers remembers which chunk came after which. Most outputs of a job that compiles tests are
// copies of others, but for a few chunks. In such a copy, the ends of chunks need not be searched
// for, and no chunk needs a SHA-256 of its own: where a chunk ends depends on nothing but its
// bytes, and that they are the same is shown by a hash that is several times faster (see tag).
//
// It takes followersBytes of memory. It belongs to a cutting, whose mu guards slots.
type followers struct {
	slots []follower  // by the number of chunk, modulo their number
	mac   cipher.AEAD // for tags, with a key of its own; used by all workers at once
}

// follower says that a chunk of the chunkTable came after another one: next, of size bytes that
// have a tag. It says nothing if size is 0.
type follower struct {
	chunk, next int32 // numbers of entries
	size        int32
	tag         tag
}

const (
	followerSlots  = 1 << 18
	followersBytes = followerSlots * 28
)

// newFollowers returns nil where a policy forbids this use of GCM (GODEBUG=fips140=only).
func newFollowers() *followers {
	key := make([]byte, 16)
	rand.Read(key) // never fails
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil
	}
	mac, err := cipher.NewGCM(b)
	if err != nil {
		return nil
	}
	return &followers{make([]follower, followerSlots), mac}
}

func (f *followers) slot(chunk int32) *follower { return &f.slots[int(chunk)%len(f.slots)] }

// after returns what came after a chunk last.
func (f *followers) after(chunk int32) follower {
	if s := f.slot(chunk); s.chunk == chunk {
		return *s
	}
	return follower{}
}

// note notes what came after a chunk.
func (f *followers) note(x follower) { *f.slot(x.chunk) = x }

// tag is the GMAC of the bytes of a chunk (NIST SP 800-38D), with a random key. Whoever does not
// know the key makes up other bytes of the same tag with a probability of at most 2^-115 in one
// attempt: a chunk has up to 2^12 blocks, and GHASH is a polynomial in them over GF(2^128). Nobody
// is shown a tag, so the nonce may always be the same.
type tag [16]byte

var tagNonce [12]byte

// sum puts the tag of data, which has at most chunk.Max bytes, into t.
func (f *followers) sum(t *tag, data []byte) { f.mac.Seal(t[:0], tagNonce[:], nil, data) }

var _ [16<<12 - chunk.Max]struct{} // blocks of a chunk
