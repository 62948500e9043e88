package restore

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
)

var (
	fuzzVersion = module.Version{Path: "example.com/Fuzz", Version: "v1.0.0"}
	fuzzFiles   = [][2]string{
		{"cache/download/example.com/!fuzz/@v/v1.0.0.info", `{"Version":"v1.0.0"}`},
		{"cache/download/example.com/!fuzz/@v/v1.0.0.mod", "module example.com/Fuzz\n"},
		{"example.com/!fuzz@v1.0.0/a.go", "package fuzz\n"},
		{"example.com/!fuzz@v1.0.0/b/c.txt", ""},
	}
	pathFiles = map[string]string{"a": "A", "d/b": "", "d/e/run": "#!/bin/sh\n"}
)

// fuzzSum is the h1 hash of the module in fuzzFiles.
func fuzzSum() string {
	var h modcache.TreeHash
	for _, f := range fuzzFiles[2:] {
		h.Add("example.com/Fuzz@v1.0.0/"+f[0][len("example.com/!fuzz@v1.0.0/"):], sha256.Sum256([]byte(f[1])))
	}
	return h.Sum()
}

func tarOf(t testing.TB, files [][2]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f[0], Size: int64(len(f[1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(f[1]))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var frameEncoder, _ = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1))

// framed stores bytes as frames of at most size bytes.
func framed(raw []byte, size int) (out []byte) {
	for len(raw) > 0 {
		n := min(size, len(raw))
		z := frameEncoder.EncodeAll(raw[:n], nil)
		out = binary.LittleEndian.AppendUint32(out, 0x184D2A50)
		out = binary.LittleEndian.AppendUint32(out, 4)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(z)))
		out = append(out, z...)
		raw = raw[n:]
	}
	return out
}

// fuzzRun is a restore into directories below root, of which nothing is planned.
func fuzzRun(t *testing.T, root string) *run {
	t.Helper()
	r := &run{
		Options: Options{Meter: new(report.Meter), ModDir: filepath.Join(root, "mod"), BuildDir: filepath.Join(root, "build")},
		start:   time.Now(), buffers: newBuffers(2), stored: newFrameMemory(1 << 20),
	}
	r.mods, r.build = modcache.Open(r.ModDir, modcache.Options{Writable: true}), buildcache.Open(r.BuildDir)
	var err error
	if r.stage, err = r.mods.NewStage(); err != nil {
		t.Fatal(err)
	}
	return r
}

// FuzzObjects unpacks any archive as a module, as both trees and as a path. Whatever it holds,
// nothing appears outside of the caches, no part of a module does, no file of a path but with its
// hash, and nothing unfinished stays.
func FuzzObjects(f *testing.F) {
	seed := func(kind byte, files [][2]string) { f.Add(kind, uint16(1<<15), tarOf(f, files)) }
	seed(0, fuzzFiles)
	seed(1, append(fuzzFiles[:2:2], [2]string{"cache/download/sumdb/sum.golang.org/lookup/x", "1\n"}))
	seed(2, [][2]string{{"fuzz/example.com/p/FuzzX/0123456789abcdef", "go test fuzz v1\n"}})
	seed(3, [][2]string{{"a", "A"}, {"d/b", ""}, {"d/e/run", pathFiles["d/e/run"]}})
	root := f.TempDir()
	f.Fuzz(func(t *testing.T, kind byte, frame uint16, archive []byte) {
		if len(archive) > 1<<20 {
			t.Skip()
		}
		r := fuzzRun(t, root)
		object := snapshot.Stream(bytes.NewReader(framed(archive, int(frame)+1)))
		var err error
		switch kind % 4 {
		case 0:
			err = r.unpackModule(t.Context(), moduleJob{version: fuzzVersion, sum: fuzzSum()}, object)
		case 1, 2:
			name := map[byte]string{1: snapshot.TreeModGraph, 2: snapshot.TreeFuzz}[kind%4]
			err = r.unpackTree(treeJob{tree: snapshot.Tree{Name: name, Files: 20, Bytes: 1 << 16}}, object, &r.modPart)
		case 3:
			err = r.unpackPath(fuzzPath(root), object)
		}
		if isLocal(err) {
			t.Errorf("stored bytes pass for a failure of the disk: %v", err)
		}
		if err := r.stage.Close(); err != nil {
			t.Fatal(err)
		}
		checkDirs(t, root, err == nil && kind%4 == 0)
		for _, dir := range []string{"mod", "build", "path"} {
			if err := osfile.RemoveAll(filepath.Join(root, dir)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func fuzzPath(root string) pathJob {
	j := pathJob{part: new(part), path: extradir.Path{Name: "p", Dir: filepath.Join(root, "path")}, wanted: map[string]snapshot.PathFile{}}
	for name, content := range pathFiles {
		sum := sha256.Sum256([]byte(content))
		j.wanted[name] = snapshot.PathFile{Name: name, Size: int64(len(content)), Sum: hex.EncodeToString(sum[:])}
	}
	return j
}

// checkDirs looks at all that lies below root.
func checkDirs(t *testing.T, root string, module bool) {
	t.Helper()
	list, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range list {
		if n := d.Name(); n != "mod" && n != "build" && n != "path" {
			t.Errorf("%s was created", n)
		}
	}
	if _, err := os.Lstat(filepath.Join(root, "mod", "example.com")); (err == nil) != module {
		t.Errorf("the module is there: %v, want %v", err == nil, module)
	}
	path := filepath.Join(root, "path")
	_ = filepath.WalkDir(path, func(full string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		rel, _ := filepath.Rel(path, full)
		data, _ := os.ReadFile(full)
		if want, ok := pathFiles[filepath.ToSlash(rel)]; !ok || string(data) != want {
			t.Errorf("file %q of the path holds %q", rel, data)
		}
		return nil
	})
}
