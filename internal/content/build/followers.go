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
// It takes followersBytes of memory. It belongs to a cutting, whose mu guards it.
type followers struct {
	slots []follower // by the number of chunk, modulo their number
}

// follower says that a chunk of the chunkTable came after another one.
type follower struct {
	chunk, next int32 // 1 + the number of an entry; 0: none
	size        int32 // of next
	tag         tag   // of the bytes of next
}

const (
	followerSlots  = 1 << 18
	followersBytes = followerSlots * 28
)

func newFollowers() *followers { return &followers{make([]follower, followerSlots)} }

func (f *followers) slot(chunk int32) *follower { return &f.slots[int(chunk)%len(f.slots)] }

// after returns what came after a chunk last: a chunk of size bytes that have a tag. It is 0 bytes
// long if that is not known.
func (f *followers) after(chunk int32) (next, size int32, t tag) {
	s := f.slot(chunk)
	if s.chunk != chunk+1 {
		return 0, 0, t
	}
	return s.next - 1, s.size, s.tag
}

// note notes that a chunk of size bytes that have a tag came after another one.
func (f *followers) note(chunk, next, size int32, t tag) {
	*f.slot(chunk) = follower{chunk + 1, next + 1, size, t}
}

// tag is the GMAC of the bytes of a chunk (NIST SP 800-38D), with a key of this process. Whoever
// does not know the key makes up other bytes of the same tag with a probability of at most 2^-115
// in one attempt: a chunk has up to 2^12 blocks, and GHASH is a polynomial in them over GF(2^128).
// Nobody is shown a tag, so the nonce may always be the same.
type tag [16]byte

// tagger makes tags.
type tagger struct{ mac cipher.AEAD }

// newTagger returns a tagger with a new key. It fails where a policy forbids this use of GCM
// (GODEBUG=fips140=only).
func newTagger() (tagger, error) {
	key := make([]byte, 16)
	rand.Read(key) // never fails
	b, err := aes.NewCipher(key)
	if err != nil {
		return tagger{}, err
	}
	mac, err := cipher.NewGCM(b)
	return tagger{mac}, err
}

var tagNonce [12]byte

// sum puts the tag of data, which has at most chunk.Max bytes, into t.
func (g tagger) sum(t *tag, data []byte) { g.mac.Seal(t[:0], tagNonce[:], nil, data) }

var _ [16<<12 - chunk.Max]struct{} // blocks of a chunk
