package goentry

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/org/gocache-action/internal/digest"
)

// GOROOT returns the action IDs of the indexes of the packages of the Go distribution in root, as
// its own go command of this version computes them. They depend on file times, but the files of one
// version do not change. Directories that cannot be read are skipped.
func GOROOT(version, root string) (ids []digest.ID) {
	src := filepath.Join(root, "src")
	skip := func(_, name string) bool { return name == "testdata" }
	walkPackages(src, skip, func(dir string, files []fs.FileInfo) {
		for _, modroot := range []string{root, src, filepath.Join(src, "cmd")} {
			ids = append(ids, packageIndex(version, modroot, dir, files))
		}
	})
	return ids
}

// MainModule returns the action IDs of the indexes of the packages of a module outside the module
// cache, as the go command of this version computes them for their files as they are now. Modules
// in directories below root, and what "..." does not match, are not looked at. Directories that
// cannot be read are skipped.
func MainModule(version, root string) (ids []digest.ID) {
	skip := func(dir, name string) bool {
		if name == "testdata" || name[0] == '.' || name[0] == '_' {
			return true
		}
		_, err := os.Lstat(filepath.Join(dir, "go.mod"))
		return err == nil
	}
	walkPackages(root, skip, func(dir string, files []fs.FileInfo) {
		ids = append(ids, packageIndex(version, root, dir, files))
	})
	return ids
}

// walkPackages calls use with each directory from root on of which the go command can make an
// index. Those below root that are to be skipped are not looked into.
func walkPackages(root string, skip func(dir, name string) bool, use func(dir string, files []fs.FileInfo)) {
	filepath.WalkDir(root, func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return nil
		}
		if dir != root && skip(dir, d.Name()) {
			return fs.SkipDir
		}
		if files, ok := packageFiles(dir); ok {
			use(dir, files)
		}
		return nil
	})
}

// packageIndex computes what dirHash of cmd/go/internal/modindex does.
func packageIndex(version, modroot, dir string, files []fs.FileInfo) digest.ID {
	text := fmt.Appendf(nil, "modroot %s\npackage %s %s %v\n", modroot, version, indexVersion, dir)
	for _, f := range files {
		text = fmt.Appendf(text, "file %v %v %v\n", f.Name(), f.ModTime(), f.Size())
	}
	return hash(version, text)
}

// packageFiles lists the files of a directory. ok is false if the go command makes no index of it:
// there is no file, or one that is not regular.
func packageFiles(dir string) (files []fs.FileInfo, ok bool) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, false
	}
	for _, d := range list {
		if d.IsDir() {
			continue
		}
		info, err := d.Info()
		if err != nil || !d.Type().IsRegular() {
			return nil, false
		}
		files = append(files, info)
	}
	return files, len(files) > 0
}

// ToolchainVersion returns the Go version in the version of a toolchain module, such as
// v0.0.1-go1.26.8.linux-amd64, or "".
func ToolchainVersion(version string) string {
	name, ok := strings.CutPrefix(version, "v0.0.1-")
	if i := strings.LastIndexByte(name, '.'); ok && i > 0 {
		return name[:i]
	}
	return ""
}
