// Package chunkers compares internal/chunk with libraries that do the same, on real files:
//
//	GOCACHE_BENCH_FILES=$(go env GOCACHE) go -C tools/chunkers test -run '^$' -bench . -cpu 1
//
// If the variable is not set, the go program itself is cut. This package is a module of its own, so
// that the project does not depend on these libraries. All of them cut data in memory, as a save
// does, into chunks of 2 to 64 KiB with the same target average.
//
// Besides speed and allocations, a benchmark reports the average size of a chunk in bytes, and the
// share of the bytes that lie in different chunks.
package chunkers
