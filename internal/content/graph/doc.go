// Package graph is the kind of content that trees of small files are: the files of the module
// graph, which go commands need beside module trees, and the fuzzing corpus. Each tree is one pack,
// whose files share their fate, except that versions of the module graph age.
package graph
