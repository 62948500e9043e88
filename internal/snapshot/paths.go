package snapshot

import (
	"cmp"
	"fmt"
	"slices"
)

// PathFiles is a directory beside the two caches whose files are part of the snapshot.
type PathFiles struct {
	Name  string     `json:"name"`  // as the user named it, see docs/use-and-trim.md
	Files []PathFile `json:"files"` // sorted by name
}

// PathFile is a regular file of it. Its pack has a member of this name and size; another member of
// the same name has another hash.
type PathFile struct {
	Name    string `json:"name"` // a member name, relative to the directory
	Size    int64  `json:"size"` // bytes
	Sum     string `json:"sum"`  // SHA-256 of the content, in hex
	Exec    bool   `json:"exec,omitempty"`
	Pack    int    `json:"pack"`    // index into Packs
	LastUse int64  `json:"lastUse"` // Unix seconds
}

// Limits of what lies beside the two caches.
const (
	MaxPaths     = 64
	MaxPathFiles = 1 << 19 // of all of them together
	MaxPathFile  = 1 << 30 // bytes
)

// CheckPathFile refuses a file that cannot be stored, or must not be created, under its name.
func CheckPathFile(name string, size int64) error {
	if size < 0 || size > MaxPathFile {
		return fmt.Errorf("file of %d bytes, more than the limit of %d", size, int64(MaxPathFile))
	}
	return checkName(name)
}

// checkPaths refuses what no writer writes.
func (m *Manifest) checkPaths() error {
	n := 0
	for i, p := range m.Paths {
		n += len(p.Files)
		if i >= MaxPaths || n > MaxPathFiles || p.Name == "" || len(p.Name) > MaxName || i > 0 && p.Name <= m.Paths[i-1].Name {
			return fmt.Errorf("%w: path %q", ErrCorrupt, p.Name)
		}
		for j, f := range p.Files {
			if err := CheckPathFile(f.Name, f.Size); err != nil {
				return fmt.Errorf("%w: path %q: %w", ErrCorrupt, p.Name, err)
			}
			if f.Pack < 0 || f.Pack >= len(m.Packs) || m.Packs[f.Pack].Chunks > 0 || !isHex64(f.Sum) || j > 0 && f.Name <= p.Files[j-1].Name {
				return fmt.Errorf("%w: file %q of path %q", ErrCorrupt, f.Name, p.Name)
			}
		}
	}
	return nil
}

// AddFile adds a file of the path of this name. Its Pack is an index that AddPack returned. Each
// name comes once a path.
func (b *Builder) AddFile(path string, f PathFile) {
	if b.paths == nil {
		b.paths = map[string][]PathFile{}
	}
	b.paths[path] = append(b.paths[path], f)
}

// buildPaths returns the paths in canonical order, with their packs renumbered.
func (b *Builder) buildPaths(packMap []int) (list []PathFiles) {
	for name, files := range b.paths {
		for i := range files {
			files[i].Pack = packMap[files[i].Pack]
		}
		slices.SortFunc(files, func(x, y PathFile) int { return cmp.Compare(x.Name, y.Name) })
		list = append(list, PathFiles{name, files})
	}
	slices.SortFunc(list, func(x, y PathFiles) int { return cmp.Compare(x.Name, y.Name) })
	return list
}
