package buildcache

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/idindex"
	"github.com/org/gocache-action/internal/osfile"
)

// Local is an action entry on disk whose output is there with the right size.
type Local struct {
	Entry
	ActionTime int64 // mtime of the "-a" file, nanoseconds since the epoch
	OutputTime int64 // mtime of the "-d" file or directory, nanoseconds since the epoch
	ActionRead int64 // atime of the "-a" file, as far as the file system records reads; see osfile.Info
}

// Output describes an output on disk.
type Output struct {
	ID   digest.ID
	Size int64 // bytes
	// mtime in nanoseconds since the epoch; of the directory, which is what cmd/go looks at
	Time int64
	// Exec is the name of the one executable in a "-d" directory; empty for a plain file.
	Exec string
}

// Broken is a file or directory of the cache that the go command treats as a miss.
type Broken struct {
	Path   string // relative to the cache directory, with slashes
	Reason string
	// Unreadable means that this user may not read it. For another user it may be complete.
	Unreadable bool
	// NoOutput means an action entry whose output is not there: the go command removes both by
	// their own ages, so that is nothing unusual.
	NoOutput bool
}

// File is a file of the fuzzing corpus.
type File struct {
	Name string // relative to the cache directory, with slashes: "fuzz/..."
	Size int64  // bytes
}

// Inventory is what a cache holds.
type Inventory struct {
	Entries []Local // only complete ones, sorted by Action
	// Outputs are all complete outputs, including those that no entry names; sorted by ID.
	Outputs []Output
	Broken  []Broken // sorted by Path
	Fuzz    []File   // sorted by Name
	// Partial are outputs that a restore has not finished, or left behind when it was killed: files
	// relative to the cache directory, with slashes. Sorted.
	Partial []string
	// Unread says which directories could not be read, and why. Entries whose output would lie in
	// one of them are in no list.
	Unread []error
	// Owners are the users whom action entries belong to, by number, sorted. Writable means that
	// group or others may write to a subdirectory, so that there may soon be more. Both are about
	// Unix only.
	Owners   []int
	Writable bool

	index *idindex.Index // of Outputs
}

// Find returns the index of an output in Outputs.
func (inv *Inventory) Find(id digest.ID) (i int, ok bool) {
	pos, ok := inv.index.Find(&id)
	return int(pos), ok
}

// Output returns an output by its ID.
func (inv *Inventory) Output(id digest.ID) (Output, bool) {
	i, ok := inv.Find(id)
	if !ok {
		return Output{}, false
	}
	return inv.Outputs[i], true
}

// Drop takes outputs, and the entries that name them, out of the inventory.
func (inv *Inventory) Drop(gone map[digest.ID]bool) {
	inv.Outputs = slices.DeleteFunc(inv.Outputs, func(o Output) bool { return gone[o.ID] })
	inv.Entries = slices.DeleteFunc(inv.Entries, func(e Local) bool { return gone[e.Output] })
	inv.indexOutputs()
}

func (inv *Inventory) indexOutputs() {
	inv.index = idindex.New(len(inv.Outputs), func(i int32) *digest.ID { return &inv.Outputs[i].ID })
	for i := range inv.Outputs {
		inv.index.Add(int32(i))
	}
}

// shard is the content of one of the 256 subdirectories. Whether its entries are complete is known
// only once all shards are scanned, since their outputs lie in other shards.
type shard struct {
	entries []Local  // sorted by Action; OutputTime is not set yet
	outputs []Output // sorted by ID
	broken  []Broken
	partial []string
	unread  error // why the subdirectory could not be read

	owners   []int // see Inventory
	writable bool
}

// ScanOptions are options of a scan.
type ScanOptions struct {
	// Fuzz lists the fuzzing corpus as well.
	Fuzz bool
	// If Memory is set, it is called once, before the lists of the subdirectories are merged, with
	// about how many bytes of memory these and the inventory take.
	Memory func(bytes int64)
}

// scansAtOnce is how many subdirectories are read at once. It is more than most machines have
// cores, since reading mostly waits for the disk.
const scansAtOnce = 8

// Scan lists the cache, several subdirectories at once. A missing directory is an empty inventory.
// Files that appear or vanish meanwhile may be listed or not. The only error is that of ctx.
//
// Memory is about 180 bytes an entry with an output of its own, and 104 more while it is merged.
func (c *Cache) Scan(ctx context.Context, o ScanOptions) (*Inventory, error) {
	shards := make([]shard, 256)
	g, scanning := errgroup.WithContext(ctx)
	g.SetLimit(scansAtOnce)
	for i := range shards {
		g.Go(func() (err error) {
			shards[i], err = scanShard(scanning, c.dir, i)
			return err
		})
	}
	if g.Wait() != nil {
		return nil, context.Cause(ctx)
	}
	var fuzz []File
	var unread []error
	if o.Fuzz {
		fuzz, unread = scanFuzz(ctx, c.dir)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if o.Memory != nil {
		o.Memory(mergeMemory(shards))
	}
	inv := merge(shards, fuzz)
	inv.Unread = append(inv.Unread, unread...)
	return inv, nil
}

// HasEntries reports whether the cache in dir has any entry that can be seen. Of one that has some
// it reads one subdirectory.
func HasEntries(dir string) bool {
	for i := range 256 {
		d, err := os.Open(filepath.Join(dir, fmt.Sprintf("%02x", i)))
		if err != nil {
			continue
		}
		names, _ := d.Readdirnames(-1)
		d.Close()
		if slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(name, "-a") }) {
			return true
		}
	}
	return false
}

// scanShard lists the subdirectory of cache for the IDs that start with byte i, 0 to 255. A missing
// subdirectory is empty, and in one that cannot be read the field unread is set. The only error is
// that of ctx.
func scanShard(ctx context.Context, cache string, i int) (s shard, err error) {
	name := fmt.Sprintf("%02x", i)
	path := filepath.Join(cache, name)
	dir, err := osfile.OpenDir(path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, nil
	}
	if err != nil {
		s.unread = fmt.Errorf("directory %s: %w", name, err)
		return s, nil
	}
	defer dir.Close()
	s.writable = isWritable(path)
	names, err := dir.Names()
	if err != nil {
		s.unread = fmt.Errorf("directory %s: %w", name, err)
		return s, nil
	}
	sc := shardScanner{path: path, dir: dir, prefix: name}
	actions := countActions(names)
	s.entries = make([]Local, 0, actions)
	s.outputs = make([]Output, 0, len(names)-actions)
	for _, n := range names {
		if err := ctx.Err(); err != nil {
			return s, err
		}
		reason, err := sc.scan(&s, n)
		if err != nil {
			reason = err.Error()
		}
		if reason != "" {
			s.broken = append(s.broken, Broken{Path: name + "/" + n, Reason: reason, Unreadable: errors.Is(err, fs.ErrPermission)})
		}
	}
	slices.SortFunc(s.entries, func(a, b Local) int { return bytes.Compare(a.Action[:], b.Action[:]) })
	slices.SortFunc(s.outputs, func(a, b Output) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return s, nil
}

// isWritable reports whether group or others may write to a directory.
func isWritable(dir string) bool {
	st, err := os.Stat(dir)
	if err != nil {
		return false
	}
	_, known := osfile.Owner(st) // else modes mean little
	return known && st.Mode()&0o022 != 0
}

func countActions(names []string) int {
	n := 0
	for _, name := range names {
		if strings.HasSuffix(name, "-a") {
			n++
		}
	}
	return n
}

type shardScanner struct {
	path   string // of the subdirectory
	dir    *osfile.Dir
	prefix string              // name of the subdirectory
	buf    [EntrySize + 1]byte // one more, to see that a file is too long
}

// scan adds the directory entry name to s, or returns what is wrong with it, or the error of
// examining it. It ignores files that have vanished and names that cmd/go ignores.
func (sc *shardScanner) scan(s *shard, name string) (broken string, err error) {
	kind, ok := cutKind(&name)
	if !ok {
		if isPartial(name) {
			s.partial = append(s.partial, sc.prefix+"/"+name)
		}
		return "", nil
	}
	id, err := digest.Parse(name)
	if err != nil || name[:2] != sc.prefix {
		return "name is not that of a cache entry", nil
	}
	if kind == "-a" {
		broken, err = sc.action(s, id, name+kind)
	} else {
		broken, err = sc.output(s, id, name+kind)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return broken, err
}

// cutKind cuts "-a" or "-d" off name.
func cutKind(name *string) (string, bool) {
	for _, kind := range []string{"-a", "-d"} {
		if n, ok := strings.CutSuffix(*name, kind); ok {
			*name = n
			return kind, true
		}
	}
	return "", false
}

func (sc *shardScanner) action(s *shard, id digest.ID, name string) (string, error) {
	n, in, err := sc.dir.ReadFile(name, sc.buf[:])
	if err != nil {
		return "", err
	}
	if !in.Mode.IsRegular() {
		return "not a regular file", nil
	}
	e, err := ParseEntry(sc.buf[:n])
	if err != nil {
		return "", err
	}
	if e.Action != id {
		return "action entry: action is not that of the file name", nil
	}
	s.entries = append(s.entries, Local{Entry: e, ActionTime: in.MTime, ActionRead: in.ATime})
	if !slices.Contains(s.owners, in.UID) {
		s.owners = append(s.owners, in.UID)
	}
	return "", nil
}

func (sc *shardScanner) output(s *shard, id digest.ID, name string) (string, error) {
	in, err := sc.dir.Lstat(name)
	if err != nil {
		return "", err
	}
	o := Output{ID: id, Size: in.Size, Time: in.MTime}
	if in.Mode.IsDir() {
		var reason string
		if o.Exec, o.Size, reason, err = executable(filepath.Join(sc.path, name)); err != nil || reason != "" {
			return reason, err
		}
	} else if !in.Mode.IsRegular() {
		return "not a regular file or directory", nil
	}
	s.outputs = append(s.outputs, o)
	return "", nil
}

// executable describes the program in an output directory. cmd/go uses such a directory only
// when it has exactly one entry.
func executable(dir string) (name string, size int64, broken string, err error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return "", 0, "", err
	}
	if len(list) != 1 {
		return "", 0, fmt.Sprintf("output directory: %d files, want 1", len(list)), nil
	}
	st, err := list[0].Info()
	if err != nil {
		return "", 0, "", err
	}
	if !st.Mode().IsRegular() {
		return "", 0, "output directory: not a regular file inside", nil
	}
	return st.Name(), st.Size(), "", nil
}

// mergeMemory is about how many bytes of memory merge and the shards take.
func mergeMemory(shards []shard) (n int64) {
	for i := range shards {
		n += int64(2*104*len(shards[i].entries) + (2*64+11)*len(shards[i].outputs))
	}
	return n
}

// merge joins the shards of a cache, which must be in order, and drops the entries whose
// output is missing or has another size. It may reuse and clear the shards.
func merge(shards []shard, fuzz []File) *Inventory {
	var entries, outputs int
	for i := range shards {
		entries += len(shards[i].entries)
		outputs += len(shards[i].outputs)
	}
	inv := &Inventory{
		Entries: make([]Local, 0, entries),
		Outputs: make([]Output, 0, outputs),
		Fuzz:    fuzz,
	}
	for i := range shards {
		inv.Outputs = append(inv.Outputs, shards[i].outputs...)
		inv.Broken = append(inv.Broken, shards[i].broken...)
		inv.Partial = append(inv.Partial, shards[i].partial...)
		inv.Owners = append(inv.Owners, shards[i].owners...)
		inv.Writable = inv.Writable || shards[i].writable
		if err := shards[i].unread; err != nil {
			inv.Unread = append(inv.Unread, err)
		}
		shards[i].outputs, shards[i].broken, shards[i].partial = nil, nil, nil
	}
	slices.Sort(inv.Owners)
	inv.Owners = slices.Compact(inv.Owners)
	inv.indexOutputs()
	unread := make([]bool, len(shards))
	for i := range shards {
		unread[i] = shards[i].unread != nil
	}
	for i := range shards {
		for _, e := range shards[i].entries {
			if first := int(e.Output[0]); first < len(unread) && unread[first] {
				continue
			}
			inv.addEntry(e)
		}
		shards[i].entries = nil
	}
	slices.Sort(inv.Partial)
	slices.SortFunc(inv.Broken, func(a, b Broken) int { return strings.Compare(a.Path, b.Path) })
	return inv
}

func (inv *Inventory) addEntry(e Local) {
	o, ok := inv.Output(e.Output)
	reason := ""
	switch {
	case !ok:
		reason = fmt.Sprintf("output %s is missing or broken", e.Output)
	case o.Size != e.Size:
		reason = fmt.Sprintf("output %s has %d bytes, want %d", e.Output, o.Size, e.Size)
	}
	if reason != "" {
		id := e.Action.String()
		inv.Broken = append(inv.Broken, Broken{Path: id[:2] + "/" + id + "-a", Reason: reason, NoOutput: !ok})
		return
	}
	e.OutputTime = o.Time
	inv.Entries = append(inv.Entries, e)
}
