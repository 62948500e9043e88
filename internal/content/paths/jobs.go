package paths

import (
	"context"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/snapshot"
)

// Here says of each path, by its name, which of the snapshot's files are here, in their order.
type Here map[string][]bool

// Jobs is the plan for the files of paths.
type Jobs struct {
	Reads   []Read
	Present int
}

// Read is one pack with files of a path. Packs of one path hold related files, most of which are
// wanted or none, so they are read whole.
type Read struct {
	Path  extradir.Path
	Pack  int // index into the manifest's
	In    snapshot.Pack
	Files []snapshot.PathFile // that are not here
	Bytes int64               // of them
}

// Plan lists the packs in which files lie that are not here. Paths that here does not have are
// empty directories.
func Plan(m *snapshot.Manifest, list []extradir.Path, here Here) (p Jobs) {
	for _, path := range list {
		files := stored(m, path.Name)
		reads, present := plan(m, path, files, here[path.Name])
		p.Reads = append(p.Reads, reads...)
		p.Present += present
	}
	return p
}

func plan(m *snapshot.Manifest, path extradir.Path, files []snapshot.PathFile, here []bool) (reads []Read, present int) {
	index := map[int]int{} // of packs, in reads
	for i, f := range files {
		if i < len(here) && here[i] {
			present++
			continue
		}
		at, ok := index[f.Pack]
		if !ok {
			at = len(reads)
			index[f.Pack] = at
			reads = append(reads, Read{Path: path, Pack: f.Pack, In: m.Packs[f.Pack]})
		}
		reads[at].Files = append(reads[at].Files, f)
		reads[at].Bytes += f.Size
	}
	return reads, present
}

// stored are the files of the path of this name in the snapshot.
func stored(m *snapshot.Manifest, name string) []snapshot.PathFile {
	for _, p := range m.Paths {
		if p.Name == name {
			return p.Files
		}
	}
	return nil
}

// Summary implements install.Planned.
func (p Jobs) Summary() install.Summary {
	s := install.Summary{Known: install.Outcome{Counts: install.Counts{Present: p.Present}}}
	for _, r := range p.Reads {
		s.Fetch += len(r.Files)
		s.Stored += r.In.Size
		s.Bytes += r.Bytes
		s.Packs = append(s.Packs, r.Pack)
	}
	s.Files = int64(s.Fetch)
	return s
}

// compareLimit is how many files are looked for at once.
const compareLimit = 8

// Compare looks for the files of the snapshot. Whatever is there under the name of a file is left
// alone.
func Compare(ctx context.Context, m *snapshot.Manifest, list []extradir.Path) (Here, error) {
	here := Here{}
	for _, path := range list {
		files := stored(m, path.Name)
		has := make([]bool, len(files))
		if err := install.Each(ctx, len(files), compareLimit, func(i int) { has[i] = path.Has(files[i].Name) }); err != nil {
			return nil, err
		}
		here[path.Name] = has
	}
	return here, nil
}
