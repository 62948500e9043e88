package goentry

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Export data has tables of the kinds of elements, in this order, of which an import path needs
// three (internal/pkgbits of go1.26).
const (
	sectionString = 0
	sectionMeta   = 1
	sectionPkg    = 3
	sections      = 10

	flagsSince     = 1 // version that has flags
	lastVersion    = 2
	flagSync       = 1        // marks between values, for debugging the compiler
	maxElement     = 16 << 20 // the list of what a package exports is an element
	maxElements    = 1 << 26
	exportDataMark = "\n$$B\nu"
)

var errNoExportData = errors.New("no export data of a known form")

// ImportPath reads the import path of a compiled package from its export data, which is in no other
// place. It reads a few small pieces, where an importer decodes everything that the package
// exports. It returns an error for what a compiler of another version wrote.
func ImportPath(r io.ReaderAt) (string, error) {
	d, err := openExportData(r)
	if err != nil {
		return "", err
	}
	pkg, err := d.first(sectionMeta, 0, sectionPkg)
	if err != nil {
		return "", err
	}
	name, err := d.first(sectionPkg, pkg, sectionString)
	if err != nil {
		return "", err
	}
	path, err := d.element(sectionString, name)
	return string(path), err
}

// exportData is where the elements of export data lie.
type exportData struct {
	r     io.ReaderAt
	ends  [sections]uint32 // how many elements there are up to the end of a section
	table int64            // where the ends of all elements stand
	data  int64            // where the elements begin
}

func openExportData(r io.ReaderAt) (d exportData, err error) {
	head := make([]byte, 1024)
	n, err := r.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return d, err
	}
	head = head[:n]
	i := bytes.Index(head, []byte(exportDataMark))
	if !bytes.HasPrefix(head, []byte(Archive)) || i < 0 {
		return d, errNoExportData
	}
	at := i + len(exportDataMark)
	rest := head[at:]
	if len(rest) < 4*(2+sections) {
		return d, errNoExportData
	}
	version, skip := binary.LittleEndian.Uint32(rest), 4
	if version >= flagsSince {
		skip = 8
	}
	if version > lastVersion || skip == 8 && binary.LittleEndian.Uint32(rest[4:])&flagSync != 0 {
		return d, errNoExportData
	}
	for k := range d.ends {
		d.ends[k] = binary.LittleEndian.Uint32(rest[skip+4*k:])
		if d.ends[k] > maxElements || k > 0 && d.ends[k] < d.ends[k-1] {
			return d, errNoExportData
		}
	}
	d.r = r
	d.table = int64(at + skip + 4*sections)
	d.data = d.table + 4*int64(d.ends[sections-1])
	return d, nil
}

// element returns the bytes of an element by its index in a section.
func (d *exportData) element(section int, index uint64) ([]byte, error) {
	first := uint64(0)
	if section > 0 {
		first = uint64(d.ends[section-1])
	}
	if index >= uint64(d.ends[section])-first {
		return nil, errNoExportData
	}
	i := int64(first + index)
	var pair [8]byte // the end of the one before, and its own
	from := pair[:]
	if i == 0 {
		from = pair[4:]
	}
	if _, err := d.r.ReadAt(from, d.table+4*max(i-1, 0)); err != nil {
		return nil, fmt.Errorf("export data: %w", err)
	}
	start, end := binary.LittleEndian.Uint32(pair[:]), binary.LittleEndian.Uint32(pair[4:])
	if start > end || end-start > maxElement {
		return nil, errNoExportData
	}
	data := make([]byte, end-start)
	if n, err := d.r.ReadAt(data, d.data+int64(start)); n < len(data) {
		return nil, fmt.Errorf("export data: %w", err)
	}
	return data, nil
}

// first returns the index of the element that an element refers to first, which must lie in a
// section. An element begins with a list of those that it refers to, each as section and index, and
// goes on with values, which are here the place of one in that list.
func (d *exportData) first(section int, index uint64, want uint64) (uint64, error) {
	data, err := d.element(section, index)
	if err != nil {
		return 0, err
	}
	bad := false
	next := func() uint64 {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			bad = true
			return 0
		}
		data = data[n:]
		return v
	}
	count := next()
	if count > uint64(len(data)) {
		return 0, errNoExportData
	}
	refs := make([][2]uint64, count)
	for i := range refs {
		refs[i] = [2]uint64{next(), next()}
	}
	i := next()
	if bad || i >= count || refs[i][0] != want {
		return 0, errNoExportData
	}
	return refs[i][1], nil
}
