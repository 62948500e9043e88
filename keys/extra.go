package keys

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrManyExtras means that Input.Extra has more values than a key takes.
var ErrManyExtras = errors.New("too many values")

// Bounds of Input.Extra.
const (
	maxExtras = 16
	maxExtra  = 512 // bytes of one value
	// maxExtraShown bounds what the element says to people. A name of a manifest has six elements
	// of up to 120 bytes beside this one and a digest, and at most 900 bytes.
	maxExtraShown = 40
)

// CleanExtra checks a value of Input.Extra, such as the name of an image, and returns it without
// spaces around it.
func CleanExtra(value string) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "", errors.New("want text, such as the name of an image")
	case len(value) > maxExtra:
		return "", fmt.Errorf("%d bytes, at most %d are allowed", len(value), maxExtra)
	case strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", fmt.Errorf("%q has control characters", value)
	}
	return value, nil
}

// extraElement makes one element of a key of the values of Input.Extra, or "" of none. They are a
// set: their order does not matter. The element ends with a hash, so that different sets have
// different elements, and none is a digest or "latest"; what stands before the hash is for people.
func extraElement(set []string) string {
	if len(set) == 0 {
		return ""
	}
	h := sha256.New()
	for _, value := range set {
		fmt.Fprintf(h, "%d:%s", len(value), value)
	}
	shown := strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '_'
	}, strings.ToLower(strings.Join(set, "_")))
	return shown[:min(len(shown), maxExtraShown)] + "-" + hex.EncodeToString(h.Sum(nil))[:16]
}

// extraSet sorts the values and drops those that are given twice.
func extraSet(values []string) ([]string, error) {
	set := slices.Compact(slices.Sorted(slices.Values(values)))
	if len(set) > maxExtras {
		return nil, fmt.Errorf("%w: %d, at most %d are allowed", ErrManyExtras, len(set), maxExtras)
	}
	return set, nil
}
