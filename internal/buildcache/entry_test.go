package buildcache

import (
	"encoding/hex"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/org/gocache-action/internal/digest"
)

func testID(b byte) digest.ID {
	var id digest.ID
	for i := range id {
		id[i] = b + byte(i)
	}
	return id
}

func TestEntryText(t *testing.T) {
	e := Entry{Action: testID(0), Output: testID(0xe0), Size: 1234, Time: 1795486941000000000}
	want := "v1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f " +
		"e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff " +
		"                1234  1795486941000000000\n"
	if got := string(e.AppendText(nil)); got != want {
		t.Errorf("AppendText:\n got %q\nwant %q", got, want)
	}
	got, err := ParseEntry([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(e, got); diff != "" {
		t.Error(diff)
	}
	if EntrySize != 175 {
		t.Errorf("EntrySize is %d", EntrySize)
	}
}

// cmdGoParse is the parser of cmd/go/internal/cache.DiskCache.get, go1.26, for a file named after
// the action in it.
func cmdGoParse(data []byte) (e Entry, err error) {
	const hexSize = 64
	entry := data
	if len(entry) != EntrySize {
		return e, errors.New("size")
	}
	if entry[0] != 'v' || entry[1] != '1' || entry[2] != ' ' || entry[3+hexSize] != ' ' || entry[3+hexSize+1+hexSize] != ' ' || entry[3+hexSize+1+hexSize+1+20] != ' ' || entry[EntrySize-1] != '\n' {
		return e, errors.New("invalid header")
	}
	eid, entry := entry[3:3+hexSize], entry[3+hexSize:]
	eout, entry := entry[1:1+hexSize], entry[1+hexSize:]
	esize, entry := entry[1:1+20], entry[1+20:]
	etime := entry[1 : 1+20]
	if _, err := hex.Decode(e.Action[:], eid); err != nil {
		return e, err
	}
	if _, err := hex.Decode(e.Output[:], eout); err != nil {
		return e, err
	}
	if e.Size, err = strconv.ParseInt(strings.TrimLeft(string(esize), " "), 10, 64); err != nil || e.Size < 0 {
		return e, errors.New("size")
	}
	if e.Time, err = strconv.ParseInt(strings.TrimLeft(string(etime), " "), 10, 64); err != nil || e.Time < 0 {
		return e, errors.New("time")
	}
	return e, nil
}

func FuzzParseEntry(f *testing.F) {
	good := Entry{Action: testID(1), Output: testID(2), Size: math.MaxInt64, Time: 0}.AppendText(nil)
	f.Add(good)
	f.Add(good[:EntrySize-1])
	f.Add(append(good[:EntrySize:EntrySize], '\n'))
	for _, r := range [][2]string{{"v1", "v2"}, {"9223372036854775807", "-223372036854775807"}, {"9223372036854775807", "+223372036854775807"}, {"9223372036854775807", "9223372036854775808"}, {"0\n", " \n"}, {"0\n", "x\n"}, {"ab", "AB"}, {"01", "zz"}} {
		f.Add([]byte(strings.Replace(string(good), r[0], r[1], 1)))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want, wantErr := cmdGoParse(data)
		got, err := ParseEntry(data)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("ParseEntry: %v, cmd/go: %v", err, wantErr)
		}
		if err != nil {
			return
		}
		if got != want {
			t.Fatalf("ParseEntry = %+v, cmd/go: %+v", got, want)
		}
		again, err := ParseEntry(got.AppendText(nil))
		if err != nil || again != got {
			t.Fatalf("not the same after AppendText: %+v, %v", again, err)
		}
	})
}
