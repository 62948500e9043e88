package store

import (
	"errors"
	"fmt"
	"math"
	"strings"
)

// Limits of object names. S3 allows keys of 1024 bytes, which include the prefix of the store; file
// systems allow elements of 255 bytes.
const (
	MaxName    = 900 // bytes of a whole name
	MaxElement = 250 // bytes between two slashes
)

// ErrBadName: the package comment does not allow the name. This is a mistake of the program, never
// of a store.
var ErrBadName = errors.New("invalid object name")

// CheckName returns an error unless name is valid as the package comment defines it. Every
// implementation calls it first, so that no name can leave the store's prefix.
func CheckName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("%w: %d bytes, allowed are 1 to %d", ErrBadName, len(name), MaxName)
	}
	for elem := range strings.SplitSeq(name, "/") {
		switch {
		case elem == "" || elem == "." || elem == "..":
			return fmt.Errorf("%w: %q has an element %q", ErrBadName, name, elem)
		case len(elem) > MaxElement:
			return fmt.Errorf("%w: %q has an element of more than %d bytes", ErrBadName, name, MaxElement)
		}
	}
	for i := range len(name) {
		if c := name[i]; c != '/' && !nameByte(c) {
			return fmt.Errorf("%w: %q has the byte %q", ErrBadName, name, c)
		}
	}
	return nil
}

func nameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte(".-_=~!+@", c) >= 0
}

// Check returns an error if the condition contradicts itself: IfAbsent excludes IfMatch.
func (c Condition) Check() error {
	if c.IfAbsent && c.IfMatch != "" {
		return errors.New("a condition cannot ask for an absent object and for a version of it")
	}
	return nil
}

// End returns the offset at which a read of length bytes from off ends, in an object
// of size bytes; a negative length means up to the end. Offsets below zero are an error.
func End(off, length, size int64) (int64, error) {
	switch {
	case off < 0:
		return 0, fmt.Errorf("negative offset %d", off)
	case length < 0:
		return size, nil
	case length > math.MaxInt64-off:
		return math.MaxInt64, nil
	}
	return off + length, nil
}
