package snapshot

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// In a store that keeps many objects in one entry, such as the cache service of GitHub Actions,
// there are two kinds of entries. A bundle has objects; a snapshot entry has a manifest, and says
// in which bundles the objects lie that it names. Both begin with a table of locations:
//
//	gocache-bundle 2, or gocache-entry 2
//	table <length> <hex of the SHA-256 of the table>
//	passed <number> ...
//	<empty line>
//	<table>
//
// and then come the objects, one after the other, or the manifest. The table, every number an
// unsigned varint:
//
//	number of bundles, then for each: length of its key, the key, its size in bytes
//	number of objects, then for each, sorted: first half of the SHA-256 of its name, index of its
//	  bundle, offset, length
//
// The line "passed", which need not be there, names earlier versions of the manifest that were
// reserved when this one was written, and could not be seen.
//
// The key "" stands for the bundle that the table is in. Its size and the offsets in it do not
// count what comes before the objects; all others are those of the whole entry.

// Limits of a table.
const (
	MaxBundles   = 64 // named by one table
	MaxBundleKey = 512
	MaxPassed    = 16
	maxLocated   = MaxPacks + MaxModules
	maxTable     = 64 << 20
	// A place takes at least the hash and three numbers.
	minLocated = len(NameHash{}) + 3
)

// A TableKind tells tables by what follows them.
type TableKind string

// What follows a table.
const (
	ObjectsFollow  TableKind = "gocache-bundle "
	ManifestFollow TableKind = "gocache-entry "
)

// A NameHash stands for the name of an object: the first half of its SHA-256.
type NameHash [16]byte

// HashName returns the hash of an object's name.
func HashName(object string) (h NameHash) {
	sum := sha256.Sum256([]byte(object))
	return NameHash(sum[:len(h)])
}

// A Bundle is an entry that holds objects.
type Bundle struct {
	Key  string // "": the one that the table is in
	Size int64  // bytes
}

// A Located object lies in a bundle.
type Located struct {
	Object   NameHash
	Bundle   int // index
	Off, Len int64
}

// Locations says where objects lie.
type Locations struct {
	Bundles []Bundle
	Objects []Located // sorted by Object, each once
	Passed  []uint64  // versions, at most MaxPassed
}

// Sort brings the objects into the order in which they are stored. Of those that are there twice
// it keeps one.
func (l *Locations) Sort() {
	slices.SortStableFunc(l.Objects, func(a, b Located) int { return bytes.Compare(a.Object[:], b.Object[:]) })
	l.Objects = slices.CompactFunc(l.Objects, func(a, b Located) bool { return a.Object == b.Object })
}

// Encode returns everything before the objects or the manifest.
func (l *Locations) Encode(kind TableKind) ([]byte, error) {
	if err := l.check(kind); err != nil {
		return nil, err
	}
	b := binary.AppendUvarint(nil, uint64(len(l.Bundles)))
	for _, x := range l.Bundles {
		b = append(binary.AppendUvarint(b, uint64(len(x.Key))), x.Key...)
		b = appendUvarints(b, x.Size)
	}
	b = slices.Grow(binary.AppendUvarint(b, uint64(len(l.Objects))), len(l.Objects)*(minLocated+8))
	for _, x := range l.Objects {
		b = append(b, x.Object[:]...)
		b = appendUvarints(b, int64(x.Bundle), x.Off, x.Len)
	}
	if len(b) > maxTable {
		return nil, fmt.Errorf("table of %d locations takes %d bytes", len(l.Objects), len(b))
	}
	head := fmt.Appendf(nil, "%s%d\ntable %d %x\n", kind, Format, len(b), sha256.Sum256(b))
	if len(l.Passed) > 0 {
		head = fmt.Appendf(head, "passed %s\n", strings.Trim(fmt.Sprint(l.Passed), "[]"))
	}
	return append(append(head, '\n'), b...), nil
}

// ReadLocations reads a table and returns how many bytes come before what follows it. A later
// format is ErrFormat, and anything that is not whole and sound ErrCorrupt. Errors of r are
// returned as they are, but for io.EOF.
func ReadLocations(r io.Reader, kind TableKind) (l *Locations, n int64, err error) {
	head, err := readTableHead(r)
	if err != nil {
		return nil, 0, err
	}
	size, sum, err := parseTableHead(head, kind)
	if err != nil {
		return nil, 0, err
	}
	passed, err := parsePassed(head)
	if err != nil {
		return nil, 0, err
	}
	// The buffer grows with what arrives: the length is not yet proven.
	var table bytes.Buffer
	if _, err := io.CopyN(&table, r, size); err == io.EOF {
		return nil, 0, fmt.Errorf("%w: table of locations ends early", ErrCorrupt)
	} else if err != nil {
		return nil, 0, err
	}
	if got := sha256.Sum256(table.Bytes()); hex.EncodeToString(got[:]) != sum {
		return nil, 0, fmt.Errorf("%w: hash of the table of locations", ErrCorrupt)
	}
	l, err = decodeLocations(table.Bytes())
	if err == nil {
		l.Passed = passed
		err = l.check(kind)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("%w: table of locations: %w", ErrCorrupt, err)
	}
	return l, int64(len(head)) + size, nil
}

// maxTableHead is more than the plain lines before a table take, and leaves room for others.
const maxTableHead = 4096

// readTableHead reads up to the empty line, and no byte more.
func readTableHead(r io.Reader) ([]byte, error) {
	var head []byte
	var one [1]byte
	for !bytes.HasSuffix(head, []byte("\n\n")) {
		if len(head) == maxTableHead {
			return nil, fmt.Errorf("%w: header of a table of locations does not end", ErrCorrupt)
		}
		if _, err := io.ReadFull(r, one[:]); err == io.EOF {
			return nil, fmt.Errorf("%w: header of a table of locations ends early", ErrCorrupt)
		} else if err != nil {
			return nil, err
		}
		head = append(head, one[0])
	}
	return head, nil
}

// parseTableHead reads the plain lines. Those that it does not know are passed over.
func parseTableHead(head []byte, kind TableKind) (size int64, sum string, err error) {
	lines := strings.Split(strings.TrimSuffix(string(head), "\n\n"), "\n")
	version, ok := strings.CutPrefix(lines[0], string(kind))
	if !ok {
		return 0, "", fmt.Errorf("%w: it does not begin with %q", ErrCorrupt, strings.TrimSpace(string(kind)))
	}
	if n, err := strconv.Atoi(version); err != nil || n != Format {
		return 0, "", fmt.Errorf("%w %.100q of a table of locations: this program reads format %d", ErrFormat, version, Format)
	}
	for _, line := range lines[1:] {
		rest, ok := strings.CutPrefix(line, "table ")
		if !ok {
			continue
		}
		length, sum, _ := strings.Cut(rest, " ")
		size, err := strconv.ParseUint(length, 10, 63)
		if err != nil || size > maxTable || !isHex64(sum) {
			return 0, "", fmt.Errorf("%w: table of locations %.100q", ErrCorrupt, rest)
		}
		return int64(size), sum, nil
	}
	return 0, "", fmt.Errorf("%w: no table of locations", ErrCorrupt)
}

// parsePassed reads the line with the versions that were passed over.
func parsePassed(head []byte) (list []uint64, err error) {
	for line := range strings.SplitSeq(string(head), "\n") {
		rest, ok := strings.CutPrefix(line, "passed ")
		if !ok {
			continue
		}
		for text := range strings.SplitSeq(rest, " ") {
			n, err := strconv.ParseUint(text, 10, 63)
			if err != nil || n == 0 || len(list) == MaxPassed {
				return nil, fmt.Errorf("%w: versions that were passed over, %.100q", ErrCorrupt, rest)
			}
			list = append(list, n)
		}
		return list, nil
	}
	return nil, nil
}

// tableDecoder reads the numbers of a table and remembers the first error.
type tableDecoder struct {
	b   []byte
	err error
}

func (d *tableDecoder) int() int64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 || v > maxInt {
		d.fail(errors.New("not a number"))
		return 0
	}
	d.b = d.b[n:]
	return int64(v)
}

func (d *tableDecoder) bytes(n int64) []byte {
	if n > int64(len(d.b)) {
		d.fail(io.ErrUnexpectedEOF)
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *tableDecoder) fail(err error) {
	d.err = cmp.Or(d.err, err)
	d.b = nil
}

func decodeLocations(b []byte) (*Locations, error) {
	d := &tableDecoder{b: b}
	l := new(Locations)
	bundles := d.int()
	if bundles > MaxBundles {
		return nil, fmt.Errorf("%d bundles", bundles)
	}
	for range bundles {
		n := d.int()
		if n > MaxBundleKey {
			return nil, fmt.Errorf("key of %d bytes", n)
		}
		l.Bundles = append(l.Bundles, Bundle{Key: string(d.bytes(n)), Size: d.int()})
	}
	objects := d.int()
	if objects > int64(len(d.b)/minLocated) {
		return nil, fmt.Errorf("%d objects in %d bytes", objects, len(d.b))
	}
	l.Objects = make([]Located, 0, objects)
	for range objects {
		var x Located
		copy(x.Object[:], d.bytes(int64(len(x.Object))))
		x.Bundle, x.Off, x.Len = int(d.int()), d.int(), d.int()
		l.Objects = append(l.Objects, x)
	}
	if d.err == nil && len(d.b) > 0 {
		d.err = errors.New("data behind it")
	}
	return l, d.err
}

// check refuses what no writer writes.
func (l *Locations) check(kind TableKind) error {
	if len(l.Bundles) > MaxBundles || len(l.Objects) > maxLocated || len(l.Passed) > MaxPassed {
		return fmt.Errorf("%d bundles, %d objects", len(l.Bundles), len(l.Objects))
	}
	seen := map[string]bool{}
	for i, b := range l.Bundles {
		if own := b.Key == "" && i == 0 && kind == ObjectsFollow; !own && !isBundleKey(b.Key) || seen[b.Key] || !inSum(b.Size) {
			return fmt.Errorf("bundle %d, %.100q", i, b.Key)
		}
		seen[b.Key] = true
	}
	for i, x := range l.Objects {
		if x.Bundle < 0 || x.Bundle >= len(l.Bundles) || x.Off < 0 || x.Len < 0 || x.Off > l.Bundles[x.Bundle].Size-x.Len {
			return fmt.Errorf("object %d does not lie in its bundle", i)
		}
		if i > 0 && bytes.Compare(l.Objects[i-1].Object[:], x.Object[:]) >= 0 {
			return fmt.Errorf("object %d is out of order, or there twice", i)
		}
	}
	return nil
}

// isBundleKey accepts what services take as keys: a comma would separate two of them.
func isBundleKey(key string) bool {
	if key == "" || len(key) > MaxBundleKey {
		return false
	}
	return !strings.ContainsFunc(key, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("-._", r))
	})
}
