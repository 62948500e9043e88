package snapshot

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/note"

	"github.com/org/gocache-action/internal/digest"
)

// A manifest is stored as a few plain lines, so that any later version can be told from damage,
// then a zstd stream:
//
//	gocache-manifest 2
//	sha256 <hex of all that follows the empty line>
//	signature <see sign.go; optional>
//	<empty line>
//	<zstd: a line of JSON, then the tables in binary>
//
// Readers of format 2 pass over header lines that they do not know.
// The tables, every number an unsigned varint (zigzag where it can be negative):
//
//	per pack: number of frames, then per frame: size, raw size, SHA-256
//	per output: SHA-256, size, index into exec + 1 or 0, number of extents, and for each of these:
//	  frame, counted over all packs, less that of the extent before (signed); offset, less the end
//	  of the extent before if that lies in the same frame (signed); length, but for the last
//	per action: action ID, output, time in ns, last use in s less the previous action's (signed)

const (
	manifestMagic = "gocache-manifest "
	hashField     = "sha256 "
)

// ErrFormat says that a manifest was written by a later version of this program.
var ErrFormat = errors.New("unknown format version")

// header is the JSON line: the manifest without its tables, and their lengths.
type header struct {
	*Manifest
	NumOutputs int      `json:"outputs"`
	NumActions int      `json:"actions"`
	Exec       []string `json:"exec,omitempty"`
}

// Encode returns the stored form. The same manifest gives the same bytes.
func (m *Manifest) Encode() ([]byte, error) { return m.encode(nil) }

// headRoom is left before the body for the plain lines, which are known only when the body is: a
// manifest of a million entries is not copied for them. A reader wants them to end within as many
// bytes.
const headRoom = 4096

// encode makes the stored form, and signs it if there is a key.
func (m *Manifest) encode(key note.Signer) ([]byte, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	buf := bytes.NewBuffer(make([]byte, headRoom, headRoom+encodedSize(m)))
	zw, err := zstd.NewWriter(buf, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return nil, err
	}
	bw := bufio.NewWriterSize(zw, 1<<16)
	json, err := m.encodeTo(bw)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(bw.Flush(), zw.Close()); err != nil {
		return nil, err
	}
	data := padTo(buf.Bytes(), headRoom+sizeFor(entries(m), m.NumExtents(), json))
	lines := fmt.Appendf(nil, "%s%d\n%s%x\n", manifestMagic, Format, hashField, sha256.Sum256(data[headRoom:]))
	if key != nil {
		if lines, err = sign(lines, key); err != nil {
			return nil, err
		}
	}
	if lines = append(lines, '\n'); len(lines) > headRoom {
		return nil, fmt.Errorf("manifest header of %d bytes", len(lines))
	}
	data = data[headRoom-len(lines):]
	copy(data, lines)
	return data, nil
}

// encodedSize estimates what the tables take when they are stored, rather too much. Their hashes do
// not compress.
func encodedSize(m *Manifest) int {
	n := 1<<16 + 40*len(m.Outputs) + 7*m.NumExtents() + 48*len(m.Actions) + 256*len(m.Modules)
	for _, p := range m.Packs {
		n += 128 + 40*len(p.Frames)
	}
	return n
}

// entries counts what comes with a hash.
func entries(m *Manifest) int {
	n := len(m.Outputs) + len(m.Actions) + len(m.Packs) + len(m.Modules)
	for _, p := range m.Packs {
		n += len(p.Frames)
	}
	return n
}

// padTo brings a body that compressed beyond what readers believe to a size, with a frame that
// decoders skip. Hashes do not compress, so this is for manifests that are made up, and for very
// many files that are alike.
func padTo(body []byte, size int) []byte {
	n := size - len(body)
	if n <= 0 {
		return body
	}
	body = binary.LittleEndian.AppendUint32(body, skippableMagic)
	body = binary.LittleEndian.AppendUint32(body, uint32(n))
	return append(body, make([]byte, n)...)
}

// encodeTo returns the length of the line of JSON.
func (m *Manifest) encodeTo(w *bufio.Writer) (int, error) {
	h := header{Manifest: m, NumOutputs: len(m.Outputs), NumActions: len(m.Actions)}
	exec := map[string]int{"": 0}
	for _, o := range m.Outputs {
		if _, ok := exec[o.Exec]; !ok {
			h.Exec = append(h.Exec, o.Exec)
			exec[o.Exec] = len(h.Exec)
		}
	}
	if len(h.Exec) > maxExec {
		return 0, fmt.Errorf("manifest header: %d names of programs", len(h.Exec))
	}
	line, err := json.Marshal(h)
	if err != nil {
		return 0, fmt.Errorf("manifest header: %w", err)
	}
	w.Write(append(line, '\n')) // a bufio.Writer keeps its first error for Flush
	var b []byte
	for _, p := range m.Packs {
		b = binary.AppendUvarint(b[:0], uint64(len(p.Frames)))
		for _, f := range p.Frames {
			b = appendUvarints(b, f.Size, f.Raw)
			b = append(b, f.Sum[:]...)
		}
		w.Write(b)
	}
	places := newPlaces(m.Packs)
	for _, o := range m.Outputs {
		b = append(b[:0], o.ID[:]...)
		b = appendUvarints(b, o.Size, int64(exec[o.Exec]), int64(len(o.Extents)))
		w.Write(places.append(b, o.Extents))
	}
	last := int64(0)
	for _, a := range m.Actions {
		b = append(b[:0], a.ID[:]...)
		b = appendUvarints(b, int64(a.Output), a.Time)
		w.Write(binary.AppendVarint(b, a.LastUse-last))
		last = a.LastUse
	}
	return len(line) + 1, nil
}

func appendUvarints(b []byte, vs ...int64) []byte {
	for _, v := range vs {
		b = binary.AppendUvarint(b, uint64(v))
	}
	return b
}

// DecodeManifest reads a stored manifest. A later format is ErrFormat, anything
// else that is not whole and sound is ErrCorrupt.
func DecodeManifest(data []byte) (*Manifest, error) {
	_, body, err := openManifest(data)
	if err != nil {
		return nil, err
	}
	return decodeBody(body, nil)
}

// decodeBody reads what follows the plain lines. like can be a manifest of the same save: then its
// tables are taken.
func decodeBody(body []byte, like *Manifest) (*Manifest, error) {
	zr, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return nil, err
	}
	defer zr.Close()
	m, err := decodeFrom(&tableReader{r: bufio.NewReaderSize(zr, 1<<16), left: maxEntriesIn(len(body)), leftExtents: min(maxExtentsIn(len(body)), MaxExtents)}, len(body), like)
	if err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrCorrupt, err)
	}
	return m, m.check()
}

// openManifest checks the plain lines and the hash, and returns the lines and what follows.
func openManifest(data []byte) (lines []string, body []byte, err error) {
	head, _, ok := bytes.Cut(data[:min(len(data), 4096)], []byte("\n\n"))
	lines = strings.Split(string(head), "\n")
	version, isManifest := strings.CutPrefix(lines[0], manifestMagic)
	if !isManifest {
		return nil, nil, fmt.Errorf("%w: not a manifest", ErrCorrupt)
	}
	if n, err := strconv.Atoi(version); err != nil || n != Format {
		return nil, nil, fmt.Errorf("%w %q: this program reads format %d", ErrFormat, version, Format)
	}
	if !ok {
		return nil, nil, fmt.Errorf("%w: manifest header does not end", ErrCorrupt)
	}
	body = data[len(head)+2:]
	for _, l := range lines[1:] {
		if want, ok := strings.CutPrefix(l, hashField); ok {
			if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != want {
				return nil, nil, fmt.Errorf("%w: manifest hash", ErrCorrupt)
			}
			return lines, body, nil
		}
	}
	return nil, nil, fmt.Errorf("%w: manifest without hash", ErrCorrupt)
}

// tableReader reads the tables and remembers the first error.
type tableReader struct {
	r    *bufio.Reader
	err  error
	left int // entries that the stored bytes can vouch for
	// extents that the stored bytes can vouch for
	leftExtents int
}

// take counts n entries.
func (t *tableReader) take(n int) {
	if t.left -= n; t.left < 0 && t.err == nil {
		t.err = errors.New("more entries than the stored bytes can hold")
	}
}

func (t *tableReader) int(limit int64) int64 {
	v, err := binary.ReadUvarint(t.r)
	if err == nil && v > uint64(limit) {
		err = fmt.Errorf("number %d above %d", v, limit)
	}
	if t.err == nil {
		t.err = err
	}
	return int64(v)
}

// signed reads a number between -limit and limit.
func (t *tableReader) signed(limit int64) int64 {
	v, err := binary.ReadVarint(t.r)
	if err == nil && (v > limit || v < -limit) {
		err = fmt.Errorf("number %d beyond %d", v, limit)
	}
	if t.err == nil {
		t.err = err
	}
	return v
}

func (t *tableReader) id() (id digest.ID) {
	if _, err := io.ReadFull(t.r, id[:]); err != nil && t.err == nil {
		t.err = err
	}
	return id
}

func decodeFrom(t *tableReader, body int, like *Manifest) (*Manifest, error) {
	h, err := readHeader(t.r, body)
	if err != nil {
		return nil, err
	}
	if h.NumOutputs < 0 || h.NumOutputs > MaxEntries || h.NumActions < 0 || h.NumActions > MaxEntries {
		return nil, fmt.Errorf("%d outputs, %d actions", h.NumOutputs, h.NumActions)
	}
	m := h.Manifest
	if t.take(h.NumOutputs + h.NumActions + len(m.Packs) + len(m.Modules)); t.err != nil {
		return nil, t.err
	}
	if like != nil && m.SameSave(like) && h.NumOutputs == len(like.Outputs) && h.NumActions == len(like.Actions) {
		// Each save writes the same tables under two keys, and a save that reads both needs them
		// once.
		for i := range m.Packs {
			m.Packs[i].Frames = like.Packs[i].Frames
		}
		m.Outputs, m.Actions = like.Outputs, like.Actions
		return m, nil
	}
	t.packs(m)
	t.outputs(m, h)
	t.actions(m, h)
	if t.err != nil {
		return nil, t.err
	}
	if _, err := t.r.ReadByte(); err != io.EOF {
		return nil, errors.New("data behind the tables")
	}
	return m, nil
}

func (t *tableReader) packs(m *Manifest) {
	total := int64(0)
	for i := range m.Packs {
		n := t.int(MaxFrames)
		if t.err != nil {
			return
		}
		if total += n; total > MaxFrames {
			t.err = errors.New("too many frames")
		}
		t.take(int(n))
		for ; n > 0 && t.err == nil; n-- {
			f := Frame{Size: t.int(MaxFrameStored), Raw: t.int(MaxFrameRaw)}
			f.Sum = t.id()
			m.Packs[i].Frames = append(m.Packs[i].Frames, f)
		}
	}
}

const maxInt = 1<<63 - 1

func (t *tableReader) outputs(m *Manifest, h *header) {
	if t.err != nil {
		return
	}
	m.Outputs = make([]Output, 0, h.NumOutputs) // as many as the stored bytes can vouch for
	places := newPlaces(m.Packs)
	var arena arena
	for range h.NumOutputs {
		o := Output{ID: t.id(), Size: t.int(maxInt)}
		exec, n := t.int(int64(len(h.Exec))), t.int(MaxExtents)
		if t.leftExtents -= int(n); t.leftExtents < 0 && t.err == nil {
			t.err = errors.New("more extents than the stored bytes can hold")
		}
		if t.err != nil {
			return
		}
		o.Extents = arena.take(int(n))
		if places.read(t, o.Size, o.Extents); t.err != nil {
			return
		}
		if exec > 0 {
			o.Exec = h.Exec[exec-1]
		}
		m.Outputs = append(m.Outputs, o)
	}
}

func (t *tableReader) actions(m *Manifest, h *header) {
	if t.err != nil {
		return
	}
	m.Actions = make([]Action, 0, h.NumActions)
	last := int64(0)
	for range h.NumActions {
		a := Action{ID: t.id(), Output: int(t.int(MaxEntries)), Time: t.int(maxInt)}
		d, err := binary.ReadVarint(t.r)
		if t.err == nil {
			t.err = err
		}
		if t.err != nil {
			return
		}
		last += d
		a.LastUse = last
		m.Actions = append(m.Actions, a)
	}
}
