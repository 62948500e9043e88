package buildcache

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/org/gocache-action/internal/digest"
)

// Entry is the content of an action entry file, "<action>-a": an action, the output that it
// produced, and the size of the output.
type Entry struct {
	Action, Output digest.ID
	Size           int64 // bytes of the output
	// Time is when the entry was added, in nanoseconds since the epoch. The go command
	// takes it for the time of a test run (it decides whether a cached test result is older than
	// 'go clean -testcache'), so it is kept exactly.
	Time int64
}

// EntrySize is the size of an action entry file in bytes.
const EntrySize = len("v1 ") + digest.HexSize + 1 + digest.HexSize + 1 + 20 + 1 + 20 + 1

// ParseEntry reads the content of an action entry file. It accepts exactly what the get method of
// cmd/go/internal/cache accepts, except that cmd/go also compares the action with the file name:
// the caller must do that.
func ParseEntry(data []byte) (Entry, error) {
	if len(data) != EntrySize {
		return Entry{}, fmt.Errorf("action entry: %d bytes, want %d", len(data), EntrySize)
	}
	const action, output = 3, 3 + digest.HexSize + 1
	const size, time, end = output + digest.HexSize + 1, output + digest.HexSize + 1 + 21, EntrySize - 1
	if string(data[:action]) != "v1 " || data[output-1] != ' ' || data[size-1] != ' ' || data[time-1] != ' ' || data[end] != '\n' {
		return Entry{}, errors.New("action entry: invalid header")
	}
	var e Entry
	if _, err := hex.Decode(e.Action[:], data[action:output-1]); err != nil {
		return Entry{}, fmt.Errorf("action entry: action: %w", err)
	}
	if _, err := hex.Decode(e.Output[:], data[output:size-1]); err != nil {
		return Entry{}, fmt.Errorf("action entry: output: %w", err)
	}
	var err error
	if e.Size, err = parsePadded(data[size : time-1]); err != nil {
		return Entry{}, fmt.Errorf("action entry: size: %w", err)
	}
	if e.Time, err = parsePadded(data[time:end]); err != nil {
		return Entry{}, fmt.Errorf("action entry: time: %w", err)
	}
	return e, nil
}

// parsePadded reads a number with spaces before it, which must not be negative.
func parsePadded(b []byte) (int64, error) {
	for len(b) > 0 && b[0] == ' ' {
		b = b[1:]
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err == nil && n < 0 {
		err = fmt.Errorf("%d is negative", n)
	}
	return n, err
}

// AppendText appends the content of the action entry file, EntrySize bytes, to b.
// Size and Time must not be negative.
func (e Entry) AppendText(b []byte) []byte {
	b = append(b, "v1 "...)
	b = hex.AppendEncode(b, e.Action[:])
	b = append(b, ' ')
	b = hex.AppendEncode(b, e.Output[:])
	b = append(b, ' ')
	b = appendPadded(b, e.Size)
	b = append(b, ' ')
	b = appendPadded(b, e.Time)
	return append(b, '\n')
}

// appendPadded writes n right-aligned in 20 columns, which hold every int64.
func appendPadded(b []byte, n int64) []byte {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	for range 20 - len(text) {
		b = append(b, ' ')
	}
	return append(b, text...)
}
