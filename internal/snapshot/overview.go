package snapshot

import (
	"bufio"
	"bytes"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Overview says whose snapshot a manifest is, and how it grew.
type Overview struct {
	Repo, Scope string
	Key         []string
	Digest      string
	Writer      Writing
	Trend       []Saved  // the last saves, oldest first
	SignedBy    []string // the IDs of keys, by the word of the manifest alone
}

// OverviewOf reads that of a stored manifest. Like Names it checks the hash, and decodes no table.
// Errors are those of DecodeManifest.
func OverviewOf(data []byte) (Overview, error) {
	lines, body, err := openManifest(data)
	if err != nil {
		return Overview{}, err
	}
	zr, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return Overview{}, err
	}
	defer zr.Close()
	j := newJSONReader(bufio.NewReaderSize(zr, 1<<16), maxJSONIn(len(body)))
	h := header{Manifest: new(Manifest)}
	err = j.object(func(field string) error {
		switch field {
		case "repo", "scope", "key", "digest", "writer":
			return j.read(h.single(field))
		case "trend":
			return appendTo(j, &h.Trend, 10*MaxTrend)
		}
		return j.skip()
	})
	if err != nil {
		return Overview{}, fmt.Errorf("%w: manifest: %w", ErrCorrupt, err)
	}
	if err := checkTrend(h.Trend); err != nil {
		return Overview{}, err
	}
	return Overview{h.Repo, h.Scope, h.Key, h.Digest, h.Writer, h.Trend, signers(lines)}, nil
}

// OwnerOf returns the repository and the scope to which an object belongs, as the escaped elements
// of its name; "" for what they share.
func OwnerOf(name string) (repo, scope string) {
	rest, ok := strings.CutPrefix(name, ReposRoot)
	e := strings.SplitN(rest, "/", 3)
	if !ok || len(e) != 3 {
		return "", ""
	}
	return e[0], e[1]
}
