package snapshot

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// The line of JSON is read value by value and never held as a whole: what a list decodes to can be
// fifty times as large as its text, and the text ten thousand times as large as what is stored of
// it. Every list has its limit, which is checked before an element is decoded.

const (
	// maxJSON bounds the line: names of modules and packs, about 400 bytes each.
	maxJSON = 128 << 20
	// maxValue bounds one value in it, which is an element of a list or a field that is no list.
	maxValue = 64 << 10
	// maxDepth bounds how deep values of unknown fields are nested.
	maxDepth = 64
	// maxExec bounds the names of programs.
	maxExec = 1 << 16
)

// Stored bytes vouch for what a manifest claims to have: actions, outputs, packs, frames and
// modules have a hash each, of which no compression leaves less than 29 bytes; and names compress,
// but not beyond all bounds. So a manifest is refused that has more than freeEntries of them and
// one for each bytesPerEntry stored bytes, or more JSON than freeJSON and jsonRatio times the
// stored bytes. A small object cannot take much memory then.
const (
	freeEntries   = 1 << 16
	bytesPerEntry = 16
	// An extent takes some bytes, which compress.
	freeExtents    = 1 << 18
	bytesPerExtent = 2
	freeJSON       = 4 << 20
	jsonRatio      = 100
)

// Bytes of text that an element of a list without hashes that count takes at least, if it is to be
// one.
const (
	minGraph    = 40
	minPathFile = 100
)

// maxEntriesIn is how many hashed things a stored body can vouch for.
func maxEntriesIn(body int) int { return freeEntries + body/bytesPerEntry }

// maxExtentsIn is how many extents a stored body can vouch for.
func maxExtentsIn(body int) int { return freeExtents + body/bytesPerExtent }

func maxJSONIn(body int) int { return min(maxJSON, freeJSON+jsonRatio*min(body, maxJSON/jsonRatio)) }

// sizeFor is how long a stored body must be for this many hashed things, extents and bytes of JSON.
func sizeFor(entries, extents, json int) int {
	return max((entries-freeEntries)*bytesPerEntry, (extents-freeExtents)*bytesPerExtent, (json-freeJSON+jsonRatio-1)/jsonRatio)
}

// line hands out the bytes up to the first line feed, at most left in all and value since it was
// set.
type line struct {
	r     *bufio.Reader
	part  []byte
	ended bool
	left  int
	value int
}

var (
	errLongLine  = errors.New("header too long")
	errLongValue = fmt.Errorf("a value of more than %d bytes", maxValue)
)

func (l *line) Read(p []byte) (int, error) {
	if len(l.part) == 0 {
		if l.ended {
			return 0, io.EOF
		}
		part, err := l.r.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return 0, noEOF(err)
		}
		l.part, l.ended = part, err == nil
	}
	if l.left <= 0 {
		return 0, errLongLine
	}
	if l.value <= 0 {
		return 0, errLongValue
	}
	n := copy(p[:min(len(p), l.left, l.value)], l.part)
	l.part = l.part[n:]
	l.left -= n
	l.value -= n
	return n, nil
}

// noEOF makes the end of the input in the midst of something an error that no caller takes for a
// regular end.
func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// jsonReader reads one object from a line.
type jsonReader struct {
	line  *line
	dec   *json.Decoder
	limit int // bytes of the line
}

func newJSONReader(r *bufio.Reader, limit int) *jsonReader {
	l := &line{r: r, left: limit}
	return &jsonReader{l, json.NewDecoder(l), limit}
}

// token returns the next token. The end of the line is io.ErrUnexpectedEOF.
func (j *jsonReader) token() (json.Token, error) {
	j.line.value = maxValue
	t, err := j.dec.Token()
	return t, noEOF(err)
}

// read decodes the next value.
func (j *jsonReader) read(to any) error {
	j.line.value = maxValue
	return noEOF(j.dec.Decode(to))
}

// more reports whether the list or the object goes on.
func (j *jsonReader) more() bool {
	j.line.value = maxValue
	return j.dec.More()
}

// close reads the end of a list or an object.
func (j *jsonReader) close(want json.Delim) error {
	t, err := j.token()
	if err == nil && t != want {
		err = fmt.Errorf("%v where %v should be", t, want)
	}
	return err
}

// object calls field for each field of the next object, which has to read its value.
func (j *jsonReader) object(field func(name string) error) error {
	if t, err := j.token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("not an object"), err)
	}
	for j.more() {
		t, err := j.token()
		if err != nil {
			return err
		}
		name, ok := t.(string)
		if !ok {
			return errors.New("a field has no name")
		}
		if err := field(name); err != nil {
			return fmt.Errorf("field %.100q: %w", name, err)
		}
	}
	return j.close('}')
}

// end demands that nothing but space is left of the line.
func (j *jsonReader) end() error {
	j.line.value = maxValue
	if _, err := j.dec.Token(); err != io.EOF {
		return errors.Join(errors.New("data behind the header"), err)
	}
	return nil
}

// list calls element for each element of the next list, at most limit times, which has to read it.
// null is an empty list.
func (j *jsonReader) list(limit int, element func() error) error {
	t, err := j.token()
	if err != nil || t == nil {
		return err
	}
	if t != json.Delim('[') {
		return errors.New("not a list")
	}
	for n := 0; j.more(); n++ {
		if n >= limit {
			return fmt.Errorf("more than %d elements", limit)
		}
		if err := element(); err != nil {
			return err
		}
	}
	return j.close(']')
}

// skip passes over a value of any size.
func (j *jsonReader) skip() error {
	for depth := 0; ; {
		t, err := j.token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['), json.Delim('{'):
			depth++
		case json.Delim(']'), json.Delim('}'):
			depth--
		}
		if depth == 0 {
			return nil
		}
		if depth > maxDepth {
			return errors.New("nested too deep")
		}
	}
}

// appendTo reads a list of at most limit elements, those that are there already included.
func appendTo[T any](j *jsonReader, list *[]T, limit int) error {
	return j.list(limit-len(*list), func() error {
		var v T
		err := j.read(&v)
		*list = append(*list, v)
		return err
	})
}

// readHeader reads the line of JSON of a manifest that is stored in body bytes.
func readHeader(r *bufio.Reader, body int) (*header, error) {
	h := &header{Manifest: new(Manifest)}
	j := newJSONReader(r, maxJSONIn(body))
	entries := maxEntriesIn(body)
	err := j.object(func(name string) error { return h.field(j, name, entries) })
	if err == nil {
		err = j.end()
	}
	return h, err
}

// field reads one field. entries bounds what comes with a hash.
func (h *header) field(j *jsonReader, name string, entries int) error {
	m := h.Manifest
	switch name {
	case "packs":
		return appendTo(j, &m.Packs, min(MaxPacks, entries))
	case "modules":
		return appendTo(j, &m.Modules, min(MaxModules, entries))
	case "trees":
		return appendTo(j, &m.Trees, MaxTrees)
	case "trend":
		return appendTo(j, &m.Trend, 10*MaxTrend)
	case "graph":
		return appendTo(j, &m.Graph, min(MaxGraph, j.limit/minGraph))
	case "exec":
		return appendTo(j, &h.Exec, maxExec)
	case "builds":
		return appendTo(j, &m.Builds, MaxBuilds)
	case "paths":
		return j.list(MaxPaths-len(m.Paths), func() error { return m.readPath(j) })
	}
	if to := h.single(name); to != nil {
		return j.read(to)
	}
	return j.skip()
}

// single returns where a field goes that is no list of many.
func (h *header) single(name string) any {
	m := h.Manifest
	switch name {
	case "repo":
		return &m.Repo
	case "scope":
		return &m.Scope
	case "key":
		return &m.Key
	case "digest":
		return &m.Digest
	case "writer":
		return &m.Writer
	case "useAsked":
		return &m.UseAsked
	case "outputs":
		return &h.NumOutputs
	case "actions":
		return &h.NumActions
	}
	return nil
}

// readPath reads a path and adds it.
func (m *Manifest) readPath(j *jsonReader) error {
	var p PathFiles
	left := min(MaxPathFiles, j.limit/minPathFile)
	for _, other := range m.Paths {
		left -= len(other.Files)
	}
	err := j.object(func(name string) error {
		switch name {
		case "name":
			return j.read(&p.Name)
		case "files":
			return appendTo(j, &p.Files, left)
		}
		return j.skip()
	})
	m.Paths = append(m.Paths, p)
	return err
}
