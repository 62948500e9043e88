package save

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// extraFile is a file of a directory beside the two caches, stored or here.
type extraFile struct {
	fileID
	size    int64
	exec    bool
	lastUse int64 // Unix seconds
	here    bool
}

// fileID tells contents under one name apart.
type fileID struct{ path, name, sum string }

func (f fileID) compare(g fileID) int {
	return cmp.Or(cmp.Compare(f.path, g.path), cmp.Compare(f.name, g.name))
}

// storedFile is where a file of a previous manifest lies.
type storedFile struct {
	pack    snapshot.Pack
	lastUse int64
}

// scanPaths lists the files of all Options.Paths, sorted. Each is read for its hash, since nothing
// is known of what other programs do with times.
func (r *run) scanPaths(ctx context.Context) error {
	buf := make([]byte, 1<<20)
	for _, p := range r.Paths {
		list, err := extradir.Scan(ctx, p.Dir, func(name string, reason error) {
			r.tally.warn("%s of %s is not saved: %v", name, p.Name, reason)
		})
		if err != nil {
			return fmt.Errorf("path %s: %w", p.Name, err)
		}
		for _, f := range list {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			sum, size, err := sumFile(p, f.Name, buf)
			if err != nil {
				r.tally.warn("%s of %s is not saved: %v", f.Name, p.Name, err)
				continue
			}
			id := fileID{p.Name, f.Name, sum}
			r.files = append(r.files, extraFile{id, size, f.Exec, r.fileUse(id, f.Used), true})
		}
	}
	if len(r.files) > snapshot.MaxPathFiles {
		r.tally.warn("the extra paths have %d files, more than the limit of %d: none is saved", len(r.files), snapshot.MaxPathFiles)
		r.files = nil
	}
	slices.SortFunc(r.files, func(x, y extraFile) int { return x.compare(y.fileID) })
	return nil
}

func sumFile(p extradir.Path, name string, buf []byte) (string, int64, error) {
	f, err := p.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return extradir.Sum(f, buf)
}

// fileUse decides when a file was used last, as lastUse does for build entries.
func (r *run) fileUse(id fileID, used int64) int64 {
	seen := min(used, r.start.UnixNano()) / int64(time.Second)
	before := r.prev.files[id].lastUse
	if before != 0 && r.State != nil && seen == buildcache.AgedTime(time.Time{}, r.State.Time).Unix() {
		return before
	}
	return max(before, seen)
}

// mergeFiles joins what is here with what a manifest has, both sorted. Of two contents of one name
// that is newer which was used later, but what is here has come after what was there when this save
// began.
func (r *run) mergeFiles(own *snapshot.Manifest) []extraFile {
	all := slices.Clone(r.files)
	if own == nil {
		return all
	}
	before := own == r.prev.own()
	for _, p := range own.Paths {
		for _, f := range p.Files {
			e := extraFile{fileID{p.Name, f.Name, f.Sum}, f.Size, f.Exec, f.LastUse, false}
			i, ok := slices.BinarySearchFunc(r.files, e.fileID, func(x extraFile, id fileID) int { return x.compare(id) })
			switch {
			case !ok:
				all = append(all, e)
			case all[i].sum == e.sum:
				all[i].lastUse = max(all[i].lastUse, e.lastUse)
			case !before && cmp.Or(cmp.Compare(e.lastUse, all[i].lastUse), cmp.Compare(e.sum, all[i].sum)) > 0:
				all[i] = e
			}
		}
	}
	slices.SortFunc(all, func(x, y extraFile) int { return x.compare(y.fileID) })
	return all
}

// keptFiles drops what is too old. The bounds of the size are for the two caches only.
func (r *run) keptFiles(own *snapshot.Manifest) (kept []extraFile, trimmed int) {
	all := r.withinLimits(r.mergeFiles(own))
	p, off := r.policy(own)
	if off != "" {
		return all, 0
	}
	items := make([]retention.Item, len(all))
	for i := range all {
		all[i].lastUse = retention.Clamp(all[i].lastUse, r.start)
		items[i] = retention.Item{Kind: retention.Path, LastUse: all[i].lastUse, Size: all[i].size, Content: int32(i)}
	}
	n := len(all)
	kept = keep(all, retention.Decide(items, retention.Policy{Now: p.Now, MaxAge: p.MaxAge, UsedSince: p.UsedSince}))
	return kept, n - len(kept)
}

// withinLimits keeps the union with what other saves stored within what a manifest can have: what
// is here comes first.
func (r *run) withinLimits(all []extraFile) []extraFile {
	paths := map[string]bool{}
	for _, f := range all {
		paths[f.path] = true
	}
	if len(all) <= snapshot.MaxPathFiles && len(paths) <= snapshot.MaxPaths {
		return all
	}
	r.tally.warn("the snapshot has too many files in extra paths: those that are not here are dropped")
	return slices.DeleteFunc(all, func(f extraFile) bool { return !f.here })
}

// assembleFiles adds the files that are stored, and returns those that are to be packed.
func (r *run) assembleFiles(b *snapshot.Builder, kept []extraFile, own *snapshot.Manifest) (missing []extraFile) {
	others := map[fileID]storedFile{}
	if own != nil && own != r.prev.own() {
		indexFiles(others, own, nil)
	}
	for _, f := range kept {
		pack, ok := r.placeFile(f.fileID, others)
		if ok {
			b.AddFile(f.path, snapshot.PathFile{Name: f.name, Size: f.size, Sum: f.sum, Exec: f.exec, Pack: b.AddPack(pack), LastUse: f.lastUse})
		} else if f.here {
			missing = append(missing, f)
		}
	}
	return missing
}

// placeFile finds the pack of a file: of this save, of previous ones, or of one that was made
// meanwhile.
func (r *run) placeFile(id fileID, others map[fileID]storedFile) (snapshot.Pack, bool) {
	if i, ok := r.newFile[id]; ok {
		return r.packs[i], true
	}
	if s, ok := r.prev.files[id]; ok && !r.rewrite[s.pack.Object] {
		return s.pack, true
	}
	s, ok := others[id]
	return s.pack, ok
}

// indexFiles notes where the files of a manifest lie, but for those in packs that are bad in any
// way. What is known stays.
func indexFiles(index map[fileID]storedFile, m *snapshot.Manifest, bad map[string]map[int]bool) {
	for _, p := range m.Paths {
		for _, f := range p.Files {
			id, pack := fileID{p.Name, f.Name, f.Sum}, m.Packs[f.Pack]
			if old, ok := index[id]; ok {
				old.lastUse = max(old.lastUse, f.LastUse)
				index[id] = old
			} else if bad[pack.Object] == nil {
				index[id] = storedFile{pack, f.LastUse}
			}
		}
	}
}

// fileShares adds the packs of files to those of which the worst are packed anew.
func (r *run) fileShares(kept []extraFile) (list []packShare) {
	index := map[string]int{}
	for _, f := range kept {
		s, ok := r.prev.files[f.fileID]
		if !ok {
			continue
		}
		i, ok := index[s.pack.Object]
		if !ok {
			i = len(list)
			index[s.pack.Object] = i
			list = append(list, packShare{object: s.pack.Object, raw: s.pack.Raw})
		}
		list[i].live += f.size
		list[i].remote = list[i].remote || !f.here
	}
	return list
}

// groupFiles cuts the files to pack into packs, each of one path.
func groupFiles(files []extraFile) (groups [][]extraFile) {
	var size int64
	for i, f := range files {
		if i == 0 || size+f.size > groupRaw || files[i-1].path != f.path {
			groups = append(groups, nil)
			size = 0
		}
		size += f.size
		groups[len(groups)-1] = append(groups[len(groups)-1], f)
	}
	return groups
}

func sizeOfFiles(files []extraFile) (n int64) {
	for _, f := range files {
		n += f.size
	}
	return n
}

// saveFiles builds and uploads one pack of files, as savePack does for outputs.
func (r *run) saveFiles(ctx context.Context, files []extraFile) error {
	var written []fileID
	var b built
	err := r.untorn("a pack of "+files[0].path, func() (err error) {
		b, err = r.upload1(ctx, sizeOfFiles(files), func(w *snapshot.Writer) (b built, err error) {
			b, written, err = r.writeFiles(w, files)
			return b, err
		})
		return err
	})
	if err != nil || b.pack.Size == 0 {
		return err
	}
	r.tally.add(func(*Result) {
		r.packs = append(r.packs, b.pack)
		for _, id := range written {
			r.newFile[id] = len(r.packs) - 1
		}
	})
	return nil
}

// writeFiles writes files that are still what they were when they were hashed. Others are left out.
func (r *run) writeFiles(w *snapshot.Writer, files []extraFile) (b built, written []fileID, err error) {
	dirs := map[string]extradir.Path{}
	for _, p := range r.Paths {
		dirs[p.Name] = p
	}
	buf := make([]byte, 256<<10)
	for _, f := range files {
		err := writeFile(w, dirs[f.path], f, buf)
		var unfit errUnfit
		if errors.As(err, &unfit) {
			r.tally.warn("%s of %s is not saved: %v", f.name, f.path, err)
			continue
		}
		if err != nil {
			return b, nil, err
		}
		written = append(written, f.fileID)
		b.members++
		b.pack.Raw += f.size
		r.Meter.Disk.Add(f.size)
		r.Meter.Files.Add(1)
	}
	return b, written, nil
}

// errChanged: what was hashed is not what would be stored.
var errChanged = errors.New("it changed while it was saved")

// writeFile reads a file twice, once to check it, since nothing can be taken out of a pack again:
// so no file has to be held in memory. What is appended meanwhile is left out.
func writeFile(w *snapshot.Writer, p extradir.Path, f extraFile, buf []byte) error {
	in, err := p.Open(f.name)
	if err != nil {
		return errUnfit{err}
	}
	defer in.Close()
	sum, size, err := extradir.Sum(in, buf)
	switch {
	case err != nil:
		return errUnfit{err}
	case sum != f.sum || size != f.size:
		return errUnfit{errChanged}
	}
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return errUnfit{err}
	}
	mode := fs.FileMode(0o644)
	if f.exec {
		mode = 0o755
	}
	_, err = addRead(w, snapshot.Member{Name: f.name, Mode: mode, Size: f.size}, io.LimitReader(in, f.size))
	return err
}

// samePaths reports whether the next job would find the same files of two manifests, with uses that
// are recent enough.
func samePaths(a, old []snapshot.PathFiles) bool {
	return slices.EqualFunc(a, old, func(x, y snapshot.PathFiles) bool {
		return x.Name == y.Name && slices.EqualFunc(x.Files, y.Files, func(f, g snapshot.PathFile) bool {
			return f.Name == g.Name && f.Sum == g.Sum && f.Exec == g.Exec && !stale(f.LastUse, g.LastUse)
		})
	})
}

// countFiles fills in what became of the files.
func (r *run) countFiles(res *Result, a assembly) {
	for _, p := range a.manifest.Paths {
		for _, f := range p.Files {
			if _, ok := r.newFile[fileID{p.Name, f.Name, f.Sum}]; ok {
				res.Files.Uploaded++
			} else {
				res.Files.Stored++
			}
		}
	}
	res.Files.Trimmed, res.Files.Skipped = a.trimmed.files, len(a.missingFiles)
}
