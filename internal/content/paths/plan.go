package paths

import (
	"cmp"
	"slices"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// merged is a collect.Merged, and a collect.Kept after Keep.
type merged struct {
	local    Local
	base     collect.Base
	list     []localFile // sorted
	trimmed  int
	warnings []string
}

// Merge implements collect.Kind. Of two contents of one name that is newer which was used later,
// but what is here has come after what was there when this save began.
func (l Local) Merge(base collect.Base) collect.Merged {
	m := merged{local: l, base: base, list: slices.Clone(l.files)}
	if base.Own != nil {
		m.addOwn()
	}
	m.limit()
	for i := range m.list {
		m.list[i].lastUse = base.Clamp(m.list[i].lastUse)
	}
	return m
}

func (m *merged) addOwn() {
	for _, p := range m.base.Own.Paths {
		for _, f := range p.Files {
			e := localFile{collect.FileID{Path: p.Name, Name: f.Name, Sum: f.Sum}, f.Size, f.Exec, f.LastUse, false}
			i, ok := slices.BinarySearchFunc(m.local.files, e.FileID, func(x localFile, id collect.FileID) int { return compareNames(x.FileID, id) })
			switch {
			case !ok:
				m.list = append(m.list, e)
			case m.list[i].Sum == e.Sum:
				m.list[i].lastUse = max(m.list[i].lastUse, e.lastUse)
			case m.base.Meanwhile && cmp.Or(cmp.Compare(e.lastUse, m.list[i].lastUse), cmp.Compare(e.Sum, m.list[i].Sum)) > 0:
				m.list[i] = e
			}
		}
	}
	slices.SortFunc(m.list, func(x, y localFile) int { return compareNames(x.FileID, y.FileID) })
}

// limit keeps the union with what other saves stored within what a manifest can have: what is here
// comes first.
func (m *merged) limit() {
	names := map[string]bool{}
	for _, f := range m.list {
		names[f.Path] = true
	}
	if len(m.list) <= snapshot.MaxPathFiles && len(names) <= snapshot.MaxPaths {
		return
	}
	m.warnings = append(m.warnings, "the snapshot has too many files in extra paths: those that are not here are dropped")
	m.list = slices.DeleteFunc(m.list, func(f localFile) bool { return !f.here })
}

// Items implements collect.Merged.
func (m merged) Items(list []retention.Item) []retention.Item {
	for i, f := range m.list {
		list = append(list, retention.Item{Kind: retention.Path, LastUse: f.lastUse, Size: f.size, Content: int32(i)})
	}
	return list
}

// Keep implements collect.Merged.
func (m merged) Keep(_ []retention.Item, verdicts []retention.Verdict) collect.Kept {
	if verdicts == nil {
		return m
	}
	stay := m.list[:0]
	for i, f := range m.list {
		if verdicts[i] == retention.Kept {
			stay = append(stay, f)
		}
	}
	m.trimmed = len(m.list) - len(stay)
	m.list = stay
	return m
}

// Stays implements collect.Kept. Reports of what was dropped are about the two caches.
func (m merged) Stays() retention.Amount { return retention.Amount{} }

// Gone implements collect.Kept, as Stays does.
func (m merged) Gone(func(retention.Verdict, retention.Dropped)) {}

// Shares implements collect.Kept.
func (m merged) Shares() []collect.Share {
	var shares collect.Shares
	for _, f := range m.list {
		if s, ok := m.base.Stock.File(f.FileID); ok {
			shares.Add(&s.Pack, f.size, f.here)
		}
	}
	return shares.List()
}

// Place implements collect.Kept.
func (m merged) Place(b *snapshot.Builder, _ *snapshot.Manifest, rewrite map[string]bool) collect.Planned {
	var others map[collect.FileID]collect.StoredFile
	if m.base.Meanwhile {
		others = m.base.Stock.Files(m.base.Own)
	}
	p := collect.Planned{Trimmed: m.trimmed, Warnings: m.warnings}
	var missing []localFile
	for _, f := range m.list {
		if pack := m.find(f.FileID, others, rewrite); pack != nil {
			b.AddFile(f.Path, snapshot.PathFile{Name: f.Name, Size: f.size, Sum: f.Sum, Exec: f.exec, Pack: b.AddPack(*pack), LastUse: f.lastUse})
			p.Stored++
		} else if f.here {
			missing = append(missing, f)
			p.Bytes += f.size
		}
	}
	p.Missing = len(missing)
	for _, group := range groupFiles(missing) {
		p.Jobs = append(p.Jobs, m.local.job(group))
	}
	return p
}

// find returns the pack of a file: of this save, of previous ones, or of one that was made
// meanwhile; nil if there is none.
func (m merged) find(id collect.FileID, others map[collect.FileID]collect.StoredFile, rewrite map[string]bool) *snapshot.Pack {
	if pack, ok := m.local.packed[id]; ok {
		return pack
	}
	if s, ok := m.base.Stock.File(id); ok && !rewrite[s.Pack.Object] {
		return &s.Pack
	}
	if s, ok := others[id]; ok {
		return &s.Pack
	}
	return nil
}

// groupFiles cuts the files to pack into packs, each of one path.
func groupFiles(files []localFile) (groups [][]localFile) {
	var size int64
	for i, f := range files {
		if i == 0 || size+f.size > collect.GroupBytes || files[i-1].Path != f.Path {
			groups = append(groups, nil)
			size = 0
		}
		size += f.size
		groups[len(groups)-1] = append(groups[len(groups)-1], f)
	}
	return groups
}
