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
// It takes tagsBytes of memory. Any number of goroutines may call sum; for the rest see memo. A nil
// tags knows none.
type tags struct {
	memo memo[tag]
	mac  cipher.AEAD // with a key of its own
}

const tagsBytes = memoSlots * 20

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
	return &tags{newMemo[tag](), mac}
}

// tag is the GMAC of the bytes of a chunk (NIST SP 800-38D), with a random key. Whoever does not
// know the key makes up other bytes of the same tag with a probability of at most 2^-115 in one
// attempt: a chunk has up to 2^12 blocks, and GHASH is a polynomial in them over GF(2^128). Nobody
// is shown a tag, so the nonce may always be the same.
type tag [16]byte

var tagNonce [12]byte

var _ [16<<12 - chunk.Max]struct{} // blocks of a chunk

// sum puts the tag of data, which has at most chunk.Max bytes, into to.
func (t *tags) sum(to *tag, data []byte) {
	if t != nil {
		t.mac.Seal(to[:0], tagNonce[:], nil, data)
	}
}

// of returns the tag of a chunk, if it is known.
func (t *tags) of(chunk int32) (x tag, ok bool) {
	if t != nil {
		x, ok = t.memo.of(chunk)
	}
	return x, ok
}

// note notes the tag of a chunk.
func (t *tags) note(chunk int32, x tag) {
	if t != nil {
		t.memo.note(chunk, x)
	}
}
