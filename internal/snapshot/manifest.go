package snapshot

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/chunk"
	"github.com/org/gocache-action/internal/digest"
)

// Manifest lists what a snapshot has and where it lies. It is the only object
// that is ever replaced, and is written after everything that it names.
type Manifest struct {
	Repo  string   `json:"repo"`
	Scope string   `json:"scope"`
	Key   []string `json:"key"` // the elements of the key under which it is stored
	// of the module files, also in the manifest without it in the key
	Digest  string   `json:"digest"`
	Writer  Writing  `json:"writer"`
	Packs   []Pack   `json:"packs"`
	Modules []Module `json:"modules"` // sorted by path and version
	Trees   []Tree   `json:"trees"`   // sorted by name
	Outputs []Output `json:"-"`       // sorted by the place of their first byte; empty ones first
	Actions []Action `json:"-"`       // sorted by ID
	Trend   []Saved  `json:"trend"`   // the last saves, oldest first

	// Paths are directories beside the two caches; sorted by name.
	Paths []PathFiles `json:"paths,omitempty"`
	// Graph dates the versions in the tree TreeModGraph that go.sum did not name, so that they can
	// age; sorted by path and version.
	Graph []GraphUse `json:"graph,omitempty"`
	// UseAsked is when the go command told last which modules are in use.
	UseAsked time.Time `json:"useAsked,omitzero"`
	// Builds says with what the entries of the build cache were made, what was used last first.
	Builds []Build `json:"builds,omitempty"`
}

// GraphUse is when the .mod or .info of a version was used last.
type GraphUse struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	LastUse int64  `json:"lastUse"` // Unix seconds
}

// Writing says who wrote a manifest, and when.
type Writing struct {
	Time   time.Time `json:"time"`
	Commit string    `json:"commit,omitempty"`
	Run    string    `json:"run,omitempty"`
	Tool   string    `json:"tool,omitempty"`
}

// Pack is an object with the chunks of outputs, or with the files of a tree or a path.
type Pack struct {
	Object string `json:"object"` // full name, since it can lie in another scope
	Size   int64  `json:"size"`   // stored bytes
	// bytes of all chunks or members that were put in, for the share that is still alive
	Raw int64 `json:"raw"`
	// Chunks is how many chunks a pack of outputs has. Its last frame lists them. It is 0 for other
	// packs.
	Chunks int     `json:"chunks,omitempty"`
	Frames []Frame `json:"-"`
}

// Content returns the frames with content: all but the list of chunks.
func (p *Pack) Content() []Frame {
	if p.Chunks > 0 {
		return p.Frames[:len(p.Frames)-1]
	}
	return p.Frames
}

// FrameAt returns a frame and where it begins in the pack.
func (p *Pack) FrameAt(i int) (f Frame, off int64) {
	for _, before := range p.Frames[:i] {
		off += before.Size
	}
	return p.Frames[i], off
}

// Output is GOCACHE's -d file: where its bytes lie.
type Output struct {
	ID      digest.ID
	Size    int64 // bytes
	Extents []Extent
	Exec    string // the name of the executable in a -d directory; "" for a plain file
}

// Extent is a run of bytes of an output that lie one after the other in one frame. Outputs can
// share them.
type Extent struct {
	Pack  int32 // index into Packs
	Frame int32
	Off   int32 // in the decoded frame
	Len   int32 // bytes, at least 1
}

// Action is GOCACHE's -a file.
type Action struct {
	ID      digest.ID
	Output  int   // index into Outputs
	Time    int64 // the time inside the entry, in nanoseconds; drives test expiry
	LastUse int64 // Unix seconds
}

// Module is one module version of the snapshot.
type Module struct {
	Path    string `json:"path"`
	Version string `json:"version"`
	Sum     string `json:"sum"`             // h1 of the tree
	ModSum  string `json:"modSum"`          // h1 of go.mod
	Object  string `json:"object"`          // full name
	Size    int64  `json:"size"`            // stored bytes
	Files   int    `json:"files"`           // of the tree
	Bytes   int64  `json:"bytes"`           // of the tree
	LastUse int64  `json:"lastUse"`         // Unix seconds
	InSum   bool   `json:"inSum,omitempty"` // go.sum vouched for it when it was saved
	// Base is what the object builds upon; nil: it is whole.
	Base *Base `json:"base,omitempty"`
}

// Names of trees.
const (
	// .mod and .info files without a tree, and sumdb; relative to GOMODCACHE
	TreeModGraph = "modgraph"
	TreeFuzz     = "fuzz" // the fuzzing corpus; relative to GOCACHE
)

// Tree is a pack with plain files that share one fate.
type Tree struct {
	Name  string `json:"name"`
	Pack  int    `json:"pack"` // index into Packs
	Files int    `json:"files"`
	Bytes int64  `json:"bytes"`
	// Sum is the TreeSum of its files: a save that finds the same files need not pack them.
	Sum string `json:"sum"`
}

// LiveBytes returns for each pack how many bytes of its chunks and members the manifest still
// names. Bytes that outputs share count once.
func (m *Manifest) LiveBytes() []int64 {
	live := make([]int64, len(m.Packs))
	covered := make([]Coverage, len(m.Packs))
	for _, o := range m.Outputs {
		for _, e := range o.Extents {
			covered[e.Pack].Add(e)
		}
	}
	for i := range covered {
		live[i] = covered[i].Bytes()
	}
	for _, t := range m.Trees {
		live[t.Pack] += t.Bytes
	}
	for _, p := range m.Paths {
		for _, f := range p.Files {
			live[f.Pack] += f.Size
		}
	}
	return live
}

// Memory is about how many bytes the tables take.
func (m *Manifest) Memory() int {
	n := 80*len(m.Outputs) + 16*m.NumExtents() + 56*len(m.Actions)
	for _, p := range m.Packs {
		n += 256 + 48*len(p.Frames)
	}
	return n
}

// SharesTables reports whether two manifests that were read have the same tables, being of one
// save.
func (m *Manifest) SharesTables(other *Manifest) bool {
	return m.SameSave(other) && len(m.Actions) == len(other.Actions) && (len(m.Actions) == 0 || &m.Actions[0] == &other.Actions[0])
}

// SameSave reports whether one save wrote both.
func (m *Manifest) SameSave(other *Manifest) bool {
	return !m.Writer.Time.IsZero() && m.Writer.Time.Equal(other.Writer.Time) && m.Writer.Run == other.Writer.Run &&
		m.Repo == other.Repo && m.Scope == other.Scope && m.Digest == other.Digest &&
		slices.EqualFunc(m.Packs, other.Packs, func(x, y Pack) bool {
			return x.Object == y.Object && x.Size == y.Size && x.Raw == y.Raw && x.Chunks == y.Chunks
		})
}

// IsFor reports an error unless the manifest belongs to this repo, scope and
// key: one that was moved or copied to another name is not trusted.
func (m *Manifest) IsFor(repo, scope string, key []string) error {
	if m.Repo != repo || m.Scope != scope || !slices.Equal(m.Key, key) {
		return fmt.Errorf("%w: manifest was written for repo %q, scope %q, key %q", ErrCorrupt, m.Repo, m.Scope, m.Key)
	}
	return nil
}

// check refuses what no writer writes, so that users of a manifest can trust every index, length
// and name in it, and its order.
func (m *Manifest) check() error {
	if len(m.Packs) > MaxPacks || len(m.Modules) > MaxModules || len(m.Graph) > MaxGraph || len(m.Trees) > MaxTrees || len(m.Trend) > 10*MaxTrend {
		return fmt.Errorf("%w: manifest with %d packs, %d modules, %d trees", ErrCorrupt, len(m.Packs), len(m.Modules), len(m.Trees))
	}
	for i, p := range m.Packs {
		if err := checkPack(p); err != nil {
			return fmt.Errorf("pack %d: %w", i, err)
		}
		if i > 0 && p.Object <= m.Packs[i-1].Object {
			return fmt.Errorf("%w: pack %d is out of order, or there twice", ErrCorrupt, i)
		}
	}
	for i, t := range m.Trees {
		if t.Pack < 0 || t.Pack >= len(m.Packs) || m.Packs[t.Pack].Chunks > 0 || t.Files < 0 || t.Files > MaxTreeFiles || t.Bytes < 0 || t.Bytes > maxSum || !isHex64(t.Sum) || i > 0 && t.Name < m.Trees[i-1].Name {
			return fmt.Errorf("%w: tree %.100q", ErrCorrupt, t.Name)
		}
	}
	if err := checkTrend(m.Trend); err != nil {
		return err
	}
	if err := m.checkBuilds(); err != nil {
		return err
	}
	if err := m.checkModules(); err != nil {
		return err
	}
	if err := m.checkPaths(); err != nil {
		return err
	}
	if err := m.checkOutputs(); err != nil {
		return err
	}
	return m.checkActions()
}

func (m *Manifest) checkModules() error {
	for i, mod := range m.Modules {
		_, err1 := module.EscapePath(mod.Path)
		_, err2 := module.EscapeVersion(mod.Version)
		if err1 != nil || err2 != nil || !inSum(mod.Size) || !inSum(mod.Bytes) || !inSum(int64(mod.Files)) || !isModuleObject(mod.Object) {
			return fmt.Errorf("%w: module %.300q", ErrCorrupt, mod.Path+"@"+mod.Version)
		}
		if err := mod.CheckBase(); err != nil {
			return fmt.Errorf("%w: module %.300q: %w", ErrCorrupt, mod.Path+"@"+mod.Version, err)
		}
		if i > 0 && compareVersions(m.Modules[i-1], mod) >= 0 {
			return fmt.Errorf("%w: module %s@%s is out of order, or there twice", ErrCorrupt, mod.Path, mod.Version)
		}
	}
	return nil
}

// maxSum bounds sizes so far that those of all entries together can be added up.
const maxSum = 1 << 40

func inSum(n int64) bool { return n >= 0 && n <= maxSum }

func compareVersions(a, b Module) int {
	return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Version, b.Version))
}

// checkOutputs makes sure that an output is as long as its extents together, so that a reader never
// writes more than the sizes say, that these lie in frames of chunks, and that no output is there
// twice.
func (m *Manifest) checkOutputs() error {
	if n := m.NumExtents(); n > MaxExtents {
		return fmt.Errorf("%w: manifest with %d extents", ErrCorrupt, n)
	}
	for i := range m.Outputs {
		o := &m.Outputs[i]
		if i > 0 && compareOutputs(&m.Outputs[i-1], o) >= 0 {
			return fmt.Errorf("%w: output %d is out of order", ErrCorrupt, i)
		}
		if err := checkExtents(m.Packs, o); err != nil {
			return fmt.Errorf("%w: output %d: %w", ErrCorrupt, i, err)
		}
		if o.Exec != "" && (checkName(o.Exec) != nil || strings.Contains(o.Exec, "/")) {
			return fmt.Errorf("%w: output %d has the file name %.300q", ErrCorrupt, i, o.Exec)
		}
	}
	if err := m.checkUse(); err != nil {
		return err
	}
	if hasTwice(m.Outputs) {
		return fmt.Errorf("%w: an output is there twice", ErrCorrupt)
	}
	return nil
}

// checkExtents checks those of one output. All but the last consist of whole chunks other than the
// last of an output, which bounds how many there can be.
func checkExtents(packs []Pack, o *Output) error {
	left := o.Size
	for n, e := range o.Extents {
		if e.Pack < 0 || int(e.Pack) >= len(packs) || e.Frame < 0 || int(e.Frame) >= len(packs[e.Pack].Content()) || packs[e.Pack].Chunks == 0 {
			return fmt.Errorf("extent %d has no frame", n)
		}
		if e.Off < 0 || e.Len < 1 || int64(e.Off)+int64(e.Len) > packs[e.Pack].Frames[e.Frame].Raw {
			return fmt.Errorf("extent %d does not lie in its frame", n)
		}
		if e.Len < chunk.Min && n < len(o.Extents)-1 {
			return fmt.Errorf("extent %d has only %d bytes", n, e.Len)
		}
		left -= int64(e.Len)
	}
	if left != 0 {
		return fmt.Errorf("%d bytes, of which the extents lack %d", o.Size, left)
	}
	return nil
}

// NumExtents counts the extents of all outputs.
func (m *Manifest) NumExtents() (n int) {
	for i := range m.Outputs {
		n += len(m.Outputs[i].Extents)
	}
	return n
}

// hasTwice reports whether two outputs have the same ID. Those that a writer made differ within
// their first bytes; only where some do not, all of them are compared.
func hasTwice(outputs []Output) bool {
	starts := make([]uint64, len(outputs))
	for i, o := range outputs {
		starts[i] = binary.BigEndian.Uint64(o.ID[:])
	}
	slices.Sort(starts)
	alike := false
	for i := 1; i < len(starts) && !alike; i++ {
		alike = starts[i] == starts[i-1]
	}
	if !alike {
		return false
	}
	seen := make(map[digest.ID]bool, len(outputs))
	for _, o := range outputs {
		if seen[o.ID] {
			return true
		}
		seen[o.ID] = true
	}
	return false
}

func (m *Manifest) checkActions() error {
	for i, a := range m.Actions {
		if a.Output < 0 || a.Output >= len(m.Outputs) || a.Time < 0 {
			return fmt.Errorf("%w: action %d has no output", ErrCorrupt, i)
		}
		if i > 0 && bytes.Compare(a.ID[:], m.Actions[i-1].ID[:]) <= 0 {
			return fmt.Errorf("%w: action %d is out of order, or there twice", ErrCorrupt, i)
		}
	}
	return nil
}

func checkPack(p Pack) error {
	var size int64
	for _, f := range p.Frames {
		if f.Size <= frameHeaderSize || f.Size > MaxFrameStored || f.Raw < 1 || f.Raw > MaxFrameRaw {
			return fmt.Errorf("%w: frame of %d bytes that decodes to %d", ErrCorrupt, f.Size, f.Raw)
		}
		size += f.Size
	}
	if p.Chunks < 0 || p.Chunks > MaxPackChunks || p.Chunks > 0 && len(p.Frames) < 2 {
		return fmt.Errorf("%w: %d chunks in %d frames", ErrCorrupt, p.Chunks, len(p.Frames))
	}
	if size != p.Size || p.Raw < 0 || p.Raw > maxSum {
		return fmt.Errorf("%w: %d bytes in frames, %d in all", ErrCorrupt, size, p.Size)
	}
	if !isPackObject(p.Object) {
		return fmt.Errorf("%w: object name %.200q", ErrCorrupt, p.Object)
	}
	return nil
}

func isPackObject(name string) bool {
	return isScopedObject(name, "packs") && isHex64(path.Base(name))
}

// isScopedObject reports whether name is v2/repos/<repo>/<scope>/<kind>/...: a
// manifest can make its reader fetch nothing else.
func isScopedObject(name, kind string) bool {
	e := strings.Split(name, "/")
	return len(e) > 5 && e[0] == root && e[1] == "repos" && e[4] == kind && checkName(name) == nil
}

func isModuleObject(name string) bool {
	shared := strings.HasPrefix(name, root+"/modules/") && checkName(name) == nil
	return (shared || isScopedObject(name, "modules")) && isModuleHash(path.Base(name))
}

// isModuleHash tells of the last element of the name of a module object, whole or not.
func isModuleHash(elem string) bool { return isHex64(strings.TrimSuffix(elem, deltaSuffix)) }

func isHex64(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 32 && strings.ToLower(s) == s
}
