package build

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"

	"github.com/org/gocache-action/internal/chunk"
)

// tags remembers a hash of each chunk that is several times faster than SHA-256 (see tag). It tells
// whether bytes are those of a chunk whose SHA-256 is known: when a chunk is met again in another
// output, and when it is read again to be packed.
//
// It takes tagsBytes of memory; if there are more chunks, some have no tag. Any number of
// goroutines may call sum. The rest belongs to one at a time, or to any number as long as none
// notes tags.
type tags struct {
	slots []tagged    // by the number of the chunk, modulo their number
	mac   cipher.AEAD // with a key of its own
}

// tagged is the tag of a chunk of the chunkTable.
type tagged struct {
	chunk int32 // 1 + number of its entry; 0: none
	tag   tag
}

const (
	tagSlots  = 1 << 18
	tagsBytes = tagSlots * 20
)

// newTags returns nil where a policy forbids this use of GCM (GODEBUG=fips140=only).
func newTags() *tags {
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
	return &tags{make([]tagged, tagSlots), mac}
}

// tag is the GMAC of the bytes of a chunk (NIST SP 800-38D), with a random key. Whoever does not
// know the key makes up other bytes of the same tag with a probability of at most 2^-115 in one
// attempt: a chunk has up to 2^12 blocks, and GHASH is a polynomial in them over GF(2^128). Nobody
// is shown a tag, so the nonce may always be the same.
type tag [16]byte

var tagNonce [12]byte

var _ [16<<12 - chunk.Max]struct{} // blocks of a chunk

// sum puts the tag of data, which has at most chunk.Max bytes, into to.
func (t *tags) sum(to *tag, data []byte) { t.mac.Seal(to[:0], tagNonce[:], nil, data) }

// of returns the tag of a chunk, if it is known.
func (t *tags) of(chunk int32) (tag, bool) {
	s := &t.slots[int(chunk)%len(t.slots)]
	return s.tag, s.chunk == chunk+1
}

// note notes the tag of a chunk.
func (t *tags) note(chunk int32, x tag) { t.slots[int(chunk)%len(t.slots)] = tagged{chunk + 1, x} }
