package keys

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// digestHeader separates these digests from all others, and from later schemes.
const digestHeader = "gocache key 1\n"

// digest hashes the files, which are sorted by path and have Unix line ends. What is
// hashed is, in this order:
//
//	"gocache key 1\n"
//	"vendor\n" or "modules\n"
//	for each file: <length of path in decimal> ":" <path> <length of content in decimal> ":" <content>
//
// Each length precedes its text and all else is fixed, so the encoding can be decoded: two
// different lists of files never have the same encoding.
func digest(files []File, vendor bool) string {
	h := sha256.New()
	encode(h, files, vendor)
	return hex.EncodeToString(h.Sum(nil))
}

func encode(w io.Writer, files []File, vendor bool) {
	half := "modules\n"
	if vendor {
		half = "vendor\n"
	}
	io.WriteString(w, digestHeader+half)
	for _, f := range files {
		fmt.Fprintf(w, "%d:%s%d:%s", len(f.Path), f.Path, len(f.Data), f.Data)
	}
}

func sumHex(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func unixLines(data []byte) []byte {
	return bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
}
