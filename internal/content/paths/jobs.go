package paths

import (
	"context"

	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/snapshot"
)

// State says, by the name of the path, which files of the snapshot are present, in their order.
type State map[string][]bool

// Jobs is the plan for the files of paths.
type Jobs struct {
	Reads   []Read
	Present int
}

// Read is one pack with files of a path. The files in it are related, and mostly all of them are
// wanted or none, so it is read completely.
type Read struct {
	Path  extradir.Path
	Pack  int // index into the packs of the manifest
	In    snapshot.Pack
	Files []snapshot.PathFile // those that are missing
	Bytes int64               // of these files
}

// Plan lists the packs that hold missing files. A path without a State is an empty directory.
func Plan(m *snapshot.Manifest, list []extradir.Path, here State) (p Jobs) {
	for _, path := range list {
		files := stored(m, path.Name)
		reads, present := plan(m, path, files, here[path.Name])
		p.Reads = append(p.Reads, reads...)
		p.Present += present
	}
	return p
}

func plan(
	m *snapshot.Manifest, path extradir.Path, files []snapshot.PathFile, here []bool,
) (reads []Read, present int) {
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

// stored returns the files of the snapshot in the path of this name.
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

// compareLimit is how many files are looked up at once.
const compareLimit = 8

// Compare looks for the files of the snapshot. Whatever has the name of a file counts as present,
// and is left alone.
func Compare(ctx context.Context, m *snapshot.Manifest, list []extradir.Path) (State, error) {
	here := State{}
	for _, path := range list {
		files := stored(m, path.Name)
		has := make([]bool, len(files))
		look := func(i int) { has[i] = path.Has(files[i].Name) }
		if err := install.Each(ctx, len(files), compareLimit, look); err != nil {
			return nil, err
		}
		here[path.Name] = has
	}
	return here, nil
}
