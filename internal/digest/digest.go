// Package digest has the ID of what is named by a SHA-256: actions and outputs of the build cache,
// and packs.
package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
)

// ID is a SHA-256. An action ID is one of what the action was made from, an output ID and the ID of
// a pack are one of its bytes.
type ID [sha256.Size]byte

// HexSize is the length of an ID as text.
const HexSize = 2 * sha256.Size

// Of is the ID of what is named by its bytes.
func Of(data []byte) ID { return sha256.Sum256(data) }

// String is the ID in lower-case hexadecimal, as in names of files and objects.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// Parse reads what String writes: 64 lower-case hexadecimal digits.
func Parse(s string) (ID, error) {
	var id ID
	if len(s) != HexSize {
		return ID{}, fmt.Errorf("ID %.80q: want %d hexadecimal digits", s, HexSize)
	}
	if _, err := hex.Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("ID %q: %w", s, err)
	}
	if hasUpper(s) { // no program looks up a name like that
		return ID{}, fmt.Errorf("ID %q: upper-case digit", s)
	}
	return id, nil
}

func hasUpper(s string) bool {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'F' {
			return true
		}
	}
	return false
}
