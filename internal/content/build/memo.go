package build

// memo remembers something of chunks of a chunkTable, by the numbers of their entries. There is
// room for memoSlots of them: of two that share a slot it knows the last. It belongs to one
// goroutine at a time, but any number may call of as long as none calls note. A nil memo remembers
// nothing.
type memo[T any] []remembered[T]

type remembered[T any] struct {
	chunk int32 // 1 + number of an entry; 0: none
	what  T
}

const memoSlots = 1 << 18

func newMemo[T any]() memo[T] { return make(memo[T], memoSlots) }

// of returns what is known of a chunk, if anything is.
func (m memo[T]) of(chunk int32) (what T, ok bool) {
	if len(m) == 0 {
		return what, false
	}
	s := &m[int(chunk)%len(m)]
	return s.what, s.chunk == chunk+1
}

// note notes something of a chunk.
func (m memo[T]) note(chunk int32, what T) {
	if len(m) > 0 {
		m[int(chunk)%len(m)] = remembered[T]{chunk + 1, what}
	}
}
