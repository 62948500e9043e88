package build

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"runtime"
	"unsafe"

	"golang.org/x/sys/cpu"

	"github.com/org/gocache-action/internal/chunk"
)

// tags remembers a hash of each chunk that is several times faster than SHA-256 (see tag). It tells
// whether bytes are those of a chunk whose SHA-256 is known: when a chunk is met again in another
// output, and when it is read again to be packed.
//
// Any number of goroutines may make tags, each with a tagger of its own; for the rest see memo. A
// nil tags knows none.
type tags struct {
	memo memo[tag]
	mac  cipher.AEAD // with a key of its own
}

// newTags returns nil where there are no tags, see newMAC.
func newTags() *tags {
	mac := newMAC()
	if mac == nil {
		return nil
	}
	return &tags{newMemo[tag](), mac}
}

// newMAC returns nil where a policy forbids this use of GCM (GODEBUG=fips140=only), and where it
// would be slower than SHA-256.
//
// Several goroutines use it at once. cipher.AEAD does not promise that they may; that of the
// standard library has no state but its key.
func newMAC() cipher.AEAD {
	if !isFast() {
		return nil
	}
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
	return mac
}

// isFast reports whether the processor has instructions for AES and GHASH, and the standard library
// uses them.
func isFast() bool {
	switch runtime.GOARCH {
	case "amd64":
		return cpu.X86.HasAES && cpu.X86.HasPCLMULQDQ && cpu.X86.HasSSE41 && cpu.X86.HasSSSE3
	case "arm64":
		return cpu.ARM64.HasAES && cpu.ARM64.HasPMULL
	case "s390x":
		return cpu.S390X.HasAES && cpu.S390X.HasAESCTR && cpu.S390X.HasGHASH && cpu.S390X.HasAESGCM
	}
	return false
}

// tag is the GMAC of the bytes of a chunk (NIST SP 800-38D), with a random key. Each chunk that is
// compared is an attempt to make up other bytes of the same tag. Whoever does not know the key
// succeeds with a probability of at most 2^-115 in each: a chunk has up to 2^12 blocks, and GHASH
// is a polynomial in them over GF(2^128). Nobody is shown a tag, so the nonce may always be the
// same.
type tag [16]byte

var tagNonce [12]byte

var _ [16<<12 - chunk.Max]struct{} // blocks of a chunk

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

// memory is how many bytes the tags take.
func (t *tags) memory() int64 {
	if t == nil {
		return 0
	}
	return tagsBytes
}

// Bytes that tags take, and the followers of a cutting, which are of no use without tags.
const (
	tagsBytes      = memoSlots * int64(unsafe.Sizeof(remembered[tag]{}))
	followersBytes = memoSlots * int64(unsafe.Sizeof(remembered[int32]{}))
)

// tagger makes tags. It belongs to one goroutine. Without tags it makes none.
type tagger struct {
	tags *tags
	buf  tag // else each would have to be allocated
}

// of returns the tag of data, which has at most chunk.Max bytes.
func (t *tagger) of(data []byte) tag {
	if t.tags != nil {
		t.tags.mac.Seal(t.buf[:0], tagNonce[:], nil, data)
	}
	return t.buf
}

// is reports whether the tag of a chunk is known and shows that data are its bytes.
func (t *tagger) is(chunk int32, data []byte) bool {
	want, ok := t.tags.of(chunk)
	return ok && t.of(data) == want
}
