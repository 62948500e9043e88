// Package paths is the kind of content that directories beside the two caches are: files of other
// programs, of which nothing is known but their names, contents and times. Each file is known by
// the hash of its content, and they lie in packs, each of one path.
package paths
