package build

// followers remembers which chunk came after which. Most outputs of a job that compiles tests are
// copies of others, but for a few chunks. In such a copy, the ends of chunks need not be searched
// for, and no chunk needs a SHA-256 of its own: where a chunk ends depends on nothing but its
// bytes, and tags show that they are the same.
//
// It takes followersBytes of memory. It belongs to one goroutine at a time.
type followers []follower // by the number of chunk, modulo their number

// follower says that a chunk of the chunkTable came after another one.
type follower struct {
	chunk int32 // 1 + number of an entry; 0: none
	next  int32 // number of an entry
}

const (
	followerSlots  = 1 << 18
	followersBytes = followerSlots * 8
)

func newFollowers() followers { return make(followers, followerSlots) }

func (f followers) slot(chunk int32) *follower { return &f[int(chunk)%len(f)] }

// after returns what came after a chunk last, if that is known.
func (f followers) after(chunk int32) (next int32, ok bool) {
	s := f.slot(chunk)
	return s.next, s.chunk == chunk+1
}

// note notes what came after a chunk.
func (f followers) note(chunk, next int32) { *f.slot(chunk) = follower{chunk + 1, next} }
