package modcache

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// TreeHash computes the h1 hash of a tree from the hashes of its files, which may come in any
// order. The result is that of dirhash.Hash1 in golang.org/x/mod/sumdb/dirhash, which reads all
// files itself. The zero value is an empty tree. Not safe for concurrent use.
type TreeHash struct{ files []treeFile }

type treeFile struct {
	name string
	sum  [sha256.Size]byte
}

// Add adds a file. In the hash of a module its name is "<path>@<version>/<file>", not escaped.
// A name must be added once and hold no newline.
func (t *TreeHash) Add(name string, sum [sha256.Size]byte) {
	t.files = append(t.files, treeFile{name, sum})
}

// Sum returns the hash of what was added, "h1:" and base64.
func (t *TreeHash) Sum() string {
	slices.SortFunc(t.files, func(a, b treeFile) int { return strings.Compare(a.name, b.name) })
	h := sha256.New()
	for _, f := range t.files {
		fmt.Fprintf(h, "%x  %s\n", f.sum, f.name)
	}
	return "h1:" + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// GoModSum is the hash of a go.mod file, as in the "/go.mod" lines of go.sum.
func GoModSum(data []byte) string {
	var t TreeHash
	t.Add("go.mod", sha256.Sum256(data))
	return t.Sum()
}
