package collect

// Drop returns the elements of a list that are not gone, in their order, in the same memory.
func Drop[T any](list []T, gone []bool) []T {
	kept := list[:0]
	for i, x := range list {
		if !gone[i] {
			kept = append(kept, x)
		}
	}
	clear(list[len(kept):])
	return kept
}
