// Package chunkers compares internal/chunk with libraries that do the same, on real files:
//
//	GOCACHE_BENCH_FILES=$(go env GOCACHE) go -C tools/chunkers test -run '^$' -bench . -cpu 1
//
// Without the variable, the program go is cut. It is a module of its own, so that the libraries are
// none of the project's. All cut in memory what lies in memory, as a save does, into chunks of 2 to
// 64 KiB; the average that they aim at is the same.
//
// Besides speed and allocations, a benchmark tells the average size of a chunk in bytes, and what
// share of the bytes lies in chunks that are different.
package chunkers
