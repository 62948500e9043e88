package save

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/internal/snapshot"
)

// localTree is a set of plain files that share one pack.
type localTree struct {
	name  string
	files []treeFile
	count int
	bytes int64
	sum   string         // snapshot.TreeSum of what can be read of it
	pack  *snapshot.Pack // once stored
	made  bool           // pack is of this save
}

type treeFile struct {
	name string
	size int64
	open func() (*os.File, error)
}

// scanTrees lists the files of the module graph and the fuzzing corpus.
func (r *run) scanTrees(ctx context.Context) error {
	if r.mods != nil {
		known := len(r.unread)
		files, err := r.mods.GraphFiles(ctx)
		if err != nil {
			return err
		}
		r.warnMoreUnread(known)
		t := localTree{name: snapshot.TreeModGraph}
		for _, f := range r.keepGraph(files) {
			t.add(treeFile{f.Name, f.Size, func() (*os.File, error) { return r.mods.OpenFile(f.Name) }})
		}
		if err := r.addTree(ctx, t, len(files)); err != nil {
			return err
		}
	}
	if r.inv != nil && r.Fuzz {
		t := localTree{name: snapshot.TreeFuzz}
		for _, f := range r.inv.Fuzz {
			full := filepath.Join(r.BuildDir, filepath.FromSlash(f.Name))
			t.add(treeFile{f.Name, f.Size, func() (*os.File, error) { return os.Open(full) }})
		}
		return r.addTree(ctx, t, len(t.files))
	}
	return nil
}

func (t *localTree) add(f treeFile) {
	t.files = append(t.files, f)
	t.count++
	t.bytes += f.size
}

// addTree finds out whether the store has the tree already: that is told by the sum of its files.
// Where the snapshot of the same key has more of it than there is here (found files, before any
// were dropped), that is kept: a job that did not restore has few.
func (r *run) addTree(ctx context.Context, t localTree, found int) error {
	old, pack, ok := r.prev.tree(t.name)
	if ok && r.prev.own() != nil && old.Files > found || len(t.files) == 0 {
		return nil
	}
	readable, err := r.sumTree(ctx, &t)
	if err != nil || readable == 0 {
		return err
	}
	if ok && old.Sum == t.sum {
		t.pack, t.count, t.bytes = &pack, old.Files, old.Bytes
	}
	r.trees = append(r.trees, t)
	return nil
}

// sumTree reads the files for the sum of the tree, and returns how many can be read. The others are
// left out, as writeTree leaves them out.
func (r *run) sumTree(ctx context.Context, t *localTree) (readable int, err error) {
	list := snapshot.NewTreeSum()
	for _, f := range t.files {
		if ctx.Err() != nil {
			return 0, context.Cause(ctx)
		}
		sum, err := sumTreeFile(f)
		if err != nil {
			r.tally.warn("%s is not saved: %v", f.name, err)
			continue
		}
		list.Add(f.name, f.size, sum)
		readable++
	}
	t.sum = list.String()
	return readable, nil
}

func sumTreeFile(f treeFile) (sum [sha256.Size]byte, err error) {
	in, err := f.open()
	if err != nil {
		return sum, err
	}
	defer in.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(in, f.size+1))
	if err == nil && n != f.size {
		err = fmt.Errorf("it has not %d bytes any more", f.size)
	}
	h.Sum(sum[:0])
	return sum, err
}

// maxTrees bounds the packs of one tree: that of this save, and those of saves at the same time.
const maxTrees = 4

// assembleTrees adds the trees that are stored, from here or else from own. What another save wrote
// while this one was at work stays beside ours; the next save of a job that restored both makes one
// pack of them.
func (r *run) assembleTrees(b *snapshot.Builder, own *snapshot.Manifest) {
	here := map[string]int{}
	packs := map[string]bool{}
	for _, t := range r.trees {
		here[t.name]++
		if t.pack != nil {
			packs[t.pack.Object] = true
			b.AddTree(snapshot.Tree{Name: t.name, Pack: b.AddPack(*t.pack), Files: t.count, Bytes: t.bytes, Sum: t.sum})
		}
	}
	if own == nil {
		return
	}
	meanwhile := own != r.prev.own()
	for _, t := range own.Trees {
		pack := own.Packs[t.Pack]
		if packs[pack.Object] || r.prev.bad[pack.Object] != nil || here[t.Name] > 0 && !meanwhile || here[t.Name] >= maxTrees {
			continue
		}
		if meanwhile {
			here[t.Name]++
		}
		t.Pack = b.AddPack(pack)
		b.AddTree(t)
	}
}

// writeTree writes the files into a pack, and sums up what it wrote, which is not always what was
// there at first. Those that cannot be read are left out.
func (r *run) writeTree(t *localTree) func(w *snapshot.Writer) (built, error) {
	return func(w *snapshot.Writer) (b built, err error) {
		list := snapshot.NewTreeSum()
		defer func() { b.sum = list.String() }()
		for _, f := range t.files {
			size, sum, err := writeTreeFile(w, f)
			var unfit errUnfit
			if errors.As(err, &unfit) {
				r.tally.warn("%s is not saved: %v", f.name, err)
				continue
			}
			if err != nil {
				return b, err
			}
			list.Add(f.name, size, sum)
			b.members++
			b.pack.Raw += size
		}
		return b, nil
	}
}

// saveTree builds and uploads the pack of a tree.
func (r *run) saveTree(ctx context.Context, t *localTree) error {
	var b built
	err := r.untorn("the tree "+t.name, func() (err error) {
		b, err = r.upload1(ctx, t.bytes, r.writeTree(t))
		return err
	})
	if err == nil && b.pack.Size > 0 {
		t.pack, t.count, t.bytes, t.sum, t.made = &b.pack, b.members, b.pack.Raw, b.sum, true
	}
	return err
}

// maxHeld is how large a file of a tree may be to be read before it is packed. Nearly all have a
// few KiB.
const maxHeld = 1 << 20

func writeTreeFile(w *snapshot.Writer, f treeFile) (size int64, sum [sha256.Size]byte, err error) {
	in, err := f.open()
	if err != nil {
		return 0, sum, errUnfit{err}
	}
	defer in.Close()
	m := snapshot.Member{Name: f.name, Mode: 0o644, Size: f.size}
	if f.size > maxHeld {
		h := sha256.New()
		_, err = addRead(w, m, io.TeeReader(in, h))
		h.Sum(sum[:0])
		return f.size, sum, err
	}
	data, err := io.ReadAll(io.LimitReader(in, f.size+1))
	if err != nil {
		return 0, sum, errUnfit{err}
	}
	if int64(len(data)) != f.size {
		return 0, sum, errUnfit{fmt.Errorf("it has not %d bytes any more", f.size)}
	}
	_, err = w.Add(m, bytes.NewReader(data))
	return f.size, sha256.Sum256(data), err
}
