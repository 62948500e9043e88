// Package build is the kind of content that the build cache is: action entries and their outputs.
//
// On their way to a store, scan.go lists the cache and finds out what the job used, timed.go leaves
// out what would be false elsewhere, merge.go and plan.go decide what the next snapshot has.
//
// What the store lacks, prepare.go turns into jobs: cut.go reads outputs and cuts them into chunks,
// finder.go finds these, with what memo.go remembers and tags.go proves, lists.go reads which of
// them are stored, and layout.go decides where each lies. write.go makes packs of the new ones,
// which reread.go reads again; move.go takes what is alive out of packs that go.
//
// There can be a million entries. So the local cache is kept as two lists, joined lists are not
// made but gone through ([iter.Seq]), and indices are positions in lists.
package build
