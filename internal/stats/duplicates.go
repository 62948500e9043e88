package stats

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/modcache"
)

// Duplicates are bytes that a module cache has more than once. A build cache has none: its outputs
// are named by their content.
type Duplicates struct {
	// Versions are files that an older version of the module has, too, with the same name and
	// content, by module.
	Versions Group `json:"versions"`
	// Zips lie beside the tree that was unpacked of them. Only 'go mod download' looks at them.
	Zips Amount `json:"zips"`
	// Clones are of repositories of which the cache has versions: they are only needed for others.
	Clones Amount `json:"clones"`
	// Alike have the name and the size of a file of an older version, and were not compared.
	Alike Amount `json:"alike"`
}

// Bytes is how much of the cache is there more than once, for certain.
func (d *Duplicates) Bytes() int64 { return d.Zips.Bytes + d.Clones.Bytes + d.versions().Bytes }

// budget bounds what is read to compare files: a report is to take seconds.
type budget struct {
	files int
	bytes int64
}

// Of a cache on a slow disk, this many small files take some seconds.
const (
	comparedFiles = 20_000
	comparedBytes = 512 << 20
)

// findDuplicates looks for content that is there more than once.
func findDuplicates(ctx context.Context, cache *modcache.Cache, used []usedModule, clones []modcache.Clone) (Duplicates, error) {
	var d Duplicates
	for _, u := range used {
		if u.HasTree && u.HasZip {
			d.Zips.Add(u.use.Zip)
		}
	}
	if len(clones) > 0 {
		d.Clones = knownClones(clones, origins(cache, used))
	}
	left := budget{comparedFiles, comparedBytes}
	if !cache.ReadsQuietly() {
		left = budget{} // or trim would take all of them for used
	}
	versions := sums{}
	for _, list := range manyVersions(used) {
		if err := ctx.Err(); err != nil {
			return d, err
		}
		same, alike := compareVersions(cache, list, &left)
		if same.Count > 0 {
			versions.add(list[0].Version.Path, same.Count, same.Bytes)
		}
		d.Alike.Count += alike.Count
		d.Alike.Bytes += alike.Bytes
	}
	d.Versions = versions.group(MaxRows)
	return d, nil
}

// manyVersions lists the modules of which there is more than one tree, the largest first. used is
// sorted by module and version.
func manyVersions(used []usedModule) (list [][]usedModule) {
	var trees []usedModule
	for _, u := range used {
		if u.HasTree && u.err == nil {
			trees = append(trees, u)
		}
	}
	for i, end := 0, 0; i < len(trees); i = end {
		for end = i + 1; end < len(trees) && trees[end].Version.Path == trees[i].Version.Path; end++ {
		}
		if end-i > 1 {
			list = append(list, trees[i:end])
		}
	}
	size := func(list []usedModule) (n int64) {
		for _, u := range list {
			n += u.use.Bytes
		}
		return n
	}
	slices.SortStableFunc(list, func(a, b []usedModule) int { return cmp.Compare(size(b), size(a)) })
	return list
}

// sameName is what files of several versions have in common before they are read.
type sameName struct {
	name string
	size int64
}

// compareVersions returns which files of a module are in an older version as well, and which look
// like that but were not compared. Versions that cannot be listed have nothing in common.
func compareVersions(cache *modcache.Cache, list []usedModule, left *budget) (same, alike Amount) {
	groups := map[sameName][]string{}
	for _, u := range list {
		names, files, err := treeFiles(cache, u.Version)
		if err != nil {
			continue
		}
		for i, f := range files {
			if f.Size > 0 {
				key := sameName{names[i], f.Size}
				groups[key] = append(groups[key], f.Name)
			}
		}
	}
	keys := make([]sameName, 0, len(groups))
	for key, files := range groups {
		if len(files) > 1 {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b sameName) int {
		return cmp.Or(cmp.Compare(b.size, a.size), strings.Compare(a.name, b.name))
	})
	for _, key := range keys {
		files := groups[key]
		if left.files < len(files) || left.bytes < int64(len(files))*key.size {
			alike.Count += len(files) - 1
			alike.Bytes += int64(len(files)-1) * key.size
			continue
		}
		left.files -= len(files)
		left.bytes -= int64(len(files)) * key.size
		n := countSame(cache, files)
		same.Count += n
		same.Bytes += int64(n) * key.size
	}
	return same, alike
}

// countSame returns how many of the files have the content of an earlier one.
func countSame(cache *modcache.Cache, files []string) (n int) {
	seen := map[[sha256.Size]byte]bool{}
	for _, name := range files {
		sum, err := hashFile(cache, name)
		if err != nil {
			continue
		}
		if seen[sum] {
			n++
		}
		seen[sum] = true
	}
	return n
}

func hashFile(cache *modcache.Cache, name string) (sum [sha256.Size]byte, err error) {
	f, err := cache.OpenFile(name)
	if err != nil {
		return sum, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return sum, err
	}
	h.Sum(sum[:0])
	return sum, nil
}

// origins lists the repositories from which versions came, as their .info says.
func origins(cache *modcache.Cache, used []usedModule) map[string]bool {
	from := map[string]bool{}
	for _, u := range used {
		name := cache.InfoFile(u.Version)
		if name == "" || !u.HasTree && !u.HasZip {
			continue
		}
		f, err := cache.OpenFile(name)
		if err != nil {
			continue
		}
		var info struct{ Origin struct{ URL string } }
		if json.NewDecoder(io.LimitReader(f, modcache.MaxInfo)).Decode(&info) == nil && info.Origin.URL != "" {
			from[info.Origin.URL] = true
		}
		f.Close()
	}
	return from
}

// knownClones sums up the repositories that are an origin of a version.
func knownClones(clones []modcache.Clone, origins map[string]bool) (a Amount) {
	for _, c := range clones {
		if _, remote, ok := strings.Cut(c.Remote, ":"); ok && origins[remote] {
			a.Add(c.Bytes)
		}
	}
	return a
}

// remoteName is what people are shown of where a clone comes from. A URL can hold a password.
func remoteName(c modcache.Clone) string {
	kind, remote, ok := strings.Cut(c.Remote, ":")
	if !ok || remote == "" {
		return c.Name
	}
	if u, err := url.Parse(remote); err == nil && u.User != nil {
		u.User = nil
		remote = u.String()
	}
	return strings.TrimRight(kind, "0123456789") + " " + remote
}
