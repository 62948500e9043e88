package modcache

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/osfile"
)

// InstallOptions are options for the installation of one module version.
type InstallOptions struct {
	// Zip also rebuilds <version>.zip, with stored members in the order in which the files were
	// closed.
	Zip bool
	// Replace also replaces a tree that looks complete. It is for trees in which, according to
	// Measure, files are missing.
	Replace bool
	// Files and Bytes are the number of files of the tree and their total size, if known. Anything
	// beyond is refused before it fills the disk. With 0, only the limits of the package hold.
	Files int
	Bytes int64
}

// limits returns how many files and bytes the tree may have.
func (o InstallOptions) limits() (files int, bytes int64) {
	files, bytes = MaxFiles, MaxTreeSize
	if o.Files > 0 {
		files = min(files, o.Files)
	}
	if o.Bytes > 0 {
		bytes = min(bytes, o.Bytes)
	}
	return files, bytes
}

// Install assembles one module version in a stage. Several goroutines may call Create and write
// files at once. Commit or Abort must be called once all files are closed.
type Install struct {
	c    *Cache
	p    place
	o    InstallOptions
	dir  string // in the stage
	root string // the tree, in dir

	mu    sync.Mutex
	small map[string][]byte // .info, .mod, .ziphash, by suffix
	names treeNames
	hash  TreeHash
	size  int64 // declared
	files int   // declared
	open  int   // not closed yet
	zip   *zipWriter
	err   error // the first one of a file
}

// Begin starts the installation of a version.
func (s *Stage) Begin(v module.Version, o InstallOptions) (*Install, error) {
	p, err := locate(v)
	if err != nil {
		return nil, err
	}
	dir, err := s.newDir()
	if err != nil {
		return nil, fmt.Errorf("installing %s: %w", v, err)
	}
	i := &Install{
		c: s.c, p: p, o: o, dir: dir, root: filepath.Join(dir, "tree"),
		small: map[string][]byte{}, names: newTreeNames(len(p.tree) + 1),
	}
	if err := i.begin(); err != nil {
		i.Abort()
		return nil, fmt.Errorf("installing %s: %w", v, err)
	}
	return i, nil
}

func (i *Install) begin() error {
	if err := os.Mkdir(i.root, 0o777); err != nil || !i.o.Zip {
		return err
	}
	var err error
	i.zip, err = newZipWriter(filepath.Join(i.dir, "zip"))
	return err
}

// Create starts a file, named relative to the cache: one of
// cache/download/<path>/@v/<version>.info, .mod and .ziphash, or a file of the tree. Only the
// execute bits of mode are used: a file of the tree gets 0444 and one of cache/download 0666, less
// the umask. The writer must receive exactly size bytes, or Close returns an error.
func (i *Install) Create(name string, mode fs.FileMode, size int64) (io.WriteCloser, error) {
	w, err := i.create(name, mode, size)
	if err != nil {
		return nil, fmt.Errorf("installing %s: %w", i.p.v, err)
	}
	return w, nil
}

// WriteFile calls Create, then Write once, then Close.
func (i *Install) WriteFile(name string, mode fs.FileMode, data []byte) error {
	w, err := i.Create(name, mode, int64(len(data)))
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return errors.Join(err, w.Close())
}

func (i *Install) create(name string, mode fs.FileMode, size int64) (io.WriteCloser, error) {
	if size < 0 {
		return nil, fmt.Errorf("%.300q: size %d is negative", name, size)
	}
	if mode.Type() != 0 {
		return nil, fmt.Errorf("%.300q: not a regular file", name)
	}
	if suffix, ok := strings.CutPrefix(name, i.p.base); ok {
		return i.createSmall(suffix, size)
	}
	rel, ok := strings.CutPrefix(name, i.p.tree+"/")
	if !ok {
		return nil, fmt.Errorf("%.300q does not belong to the module", name)
	}
	if err := i.enter(rel, size); err != nil {
		return nil, err
	}
	return &fileWriter{
		i: i, rel: rel, size: size, perm: 0o444 | mode&0o111,
		path: i.root + string(filepath.Separator) + filepath.FromSlash(rel),
	}, nil
}

// smallLimits are the files of cache/download that can be installed.
var smallLimits = map[string]int64{".info": MaxInfo, ".mod": MaxGoMod, ".ziphash": 1 << 10}

func (i *Install) createSmall(suffix string, size int64) (io.WriteCloser, error) {
	limit, ok := smallLimits[suffix]
	if !ok {
		return nil, fmt.Errorf("%.300q does not belong to the module", suffix)
	}
	if size > limit {
		return nil, fmt.Errorf("%s: %d bytes, more than %d", suffix, size, limit)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if _, ok := i.small[suffix]; ok {
		return nil, fmt.Errorf("%s: second file of this name", suffix)
	}
	i.small[suffix] = nil
	i.open++
	return &smallWriter{i: i, suffix: suffix, size: size}, nil
}

// enter checks a file of the tree against the limits and the other files, and creates its
// directories.
func (i *Install) enter(rel string, size int64) error {
	if err := checkTreeName(rel); err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	files, bytes := i.o.limits()
	if i.files >= files {
		return fmt.Errorf("more than %d files", files)
	}
	if size > bytes-i.size {
		return fmt.Errorf("more than %d bytes", bytes)
	}
	if err := i.names.claim(rel, false); err != nil {
		return err
	}
	if err := i.names.makeDir(i.root, path.Dir(rel)); err != nil {
		return err
	}
	i.files++
	i.size += size
	i.open++
	return nil
}

// fail records the first error of a file: Commit then refuses.
func (i *Install) fail(err error) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.err == nil {
		i.err = err
	}
	return err
}

// Abort removes what was staged. After Commit it does nothing.
func (i *Install) Abort() {
	if i.dir == "" {
		return
	}
	if i.zip != nil {
		i.zip.abort()
	}
	_ = osfile.RemoveAll(i.dir) // the stage tries again when it is closed
	i.dir = ""
}
