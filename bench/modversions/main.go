// Command modversions measures what a store gains by sharing what different versions of a module
// have in common.
//
//	go run ./bench/modversions
//	go run ./bench/modversions -module github.com/gohugoio/hugo -first v0.140.0 -last v0.147.0
//
// It goes through the releases of a project in order. For the modules that the tests of a release
// need and no earlier release needed, it counts the stored bytes in three ways: each module as one
// compressed archive, only those of its files that no earlier module has, and only those chunks of
// its files that no earlier module has. Then it saves them, as the job of each release would, with
// deltas, and again into an empty store, where all are whole: what a save adds, and what a restore
// has to read. The first release fills an empty store and is left out of the sums.
//
// The go command works on a module cache in the temporary directory, which gets the modules from
// the usual one as far as they are there.
package main

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/bench/internal/kit"
	"github.com/org/gocache-action/internal/chunk"
)

func main() { kit.Main("modversions", execute) }

func execute(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("modversions", flag.ContinueOnError)
	module := f.String("module", "github.com/minio/minio-go/v7", "`path` of the project")
	first := f.String("first", "v7.0.55", "first `version`")
	last := f.String("last", "v7.4.1", "last `version`")
	if err := f.Parse(args); err != nil {
		return err
	}
	if err := kit.NoArguments(f); err != nil {
		return err
	}
	return run(ctx, *module, *first, *last)
}

// sizes are stored bytes.
type sizes struct{ whole, files, chunks int64 }

func (s *sizes) add(t sizes) {
	s.whole, s.files, s.chunks = s.whole+t.whole, s.files+t.files, s.chunks+t.chunks
}

func (s sizes) String() string {
	return fmt.Sprintf("MB whole %8.3f, files %8.3f, chunks %8.3f", mb(s.whole), mb(s.files), mb(s.chunks))
}

func run(ctx context.Context, module, first, last string) error {
	work, err := os.MkdirTemp("", "modversions-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	s := newHistory()
	s.saver = &saver{work: work, modDir: filepath.Join(work, "mod"), known: map[string]bool{}}
	if err := ownCache(ctx, work, s.saver.modDir); err != nil {
		return err
	}
	versions, err := releases(ctx, work, module, first, last)
	if err != nil {
		return err
	}
	if len(versions) < 2 {
		return fmt.Errorf("%s has %d releases from %s to %s", module, len(versions), first, last)
	}
	var start, sum sizes
	var startSaved, sumSaved saved
	for i, v := range versions {
		added, stored, modules, err := s.release(ctx, work, module, v)
		if err != nil {
			return fmt.Errorf("%s@%s: %w", module, v, err)
		}
		fmt.Printf("%-10s %3d new modules, %s; %s\n", v, modules, added, stored)
		if i == 0 {
			start, startSaved = added, stored
		} else {
			sum.add(added)
			sumSaved.add(stored)
		}
	}
	fmt.Printf("first release: %s; %s\n%d others: %s; %s\n", start, startSaved, len(versions)-1, sum, sumSaved)
	return nil
}

// ownCache makes the go command work on another module cache, which is filled from the present one.
func ownCache(ctx context.Context, work, to string) error {
	out, err := goCommand(ctx, work, "env", "-json", "GOMODCACHE", "GOPROXY")
	if err != nil {
		return err
	}
	var env struct{ GOMODCACHE, GOPROXY string }
	if err := json.Unmarshal(out, &env); err != nil {
		return fmt.Errorf("go env: %w", err)
	}
	proxy := "file://" + filepath.ToSlash(filepath.Join(env.GOMODCACHE, "cache", "download")) + "," + env.GOPROXY
	return errors.Join(os.Setenv("GOPROXY", proxy), os.Setenv("GOMODCACHE", to), os.Setenv("GONOSUMDB", "*"))
}

func mb(n int64) float64 { return float64(n) / 1e6 }

// releases lists the versions of a module in order, without pre-releases.
func releases(ctx context.Context, dir, module, first, last string) (list []string, err error) {
	out, err := goCommand(ctx, dir, "list", "-m", "-versions", "-f", "{{join .Versions \" \"}}", module)
	if err != nil {
		return nil, err
	}
	for _, v := range strings.Fields(string(out)) {
		if semver.Prerelease(v) == "" && semver.Compare(v, first) >= 0 && semver.Compare(v, last) <= 0 {
			list = append(list, v)
		}
	}
	return list, nil
}

// goCommand runs the go command outside of any module, unless dir is one.
func goCommand(ctx context.Context, dir string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -modcacherw", "GOTOOLCHAIN=local")
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil, fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, exit.Stderr)
	}
	return out, err
}

// history is what has been stored so far.
type history struct {
	modules map[string]bool
	files   map[[sha256.Size]byte]bool
	chunks  map[[sha256.Size]byte]bool
	encoder *zstd.Encoder
	saver   *saver
}

func newHistory() *history {
	e, err := zstd.NewWriter(nil, zstd.WithWindowSize(8<<20))
	if err != nil {
		panic(err) // the options are constants
	}
	return &history{modules: map[string]bool{}, files: map[[sha256.Size]byte]bool{}, chunks: map[[sha256.Size]byte]bool{}, encoder: e}
}

// release stores the new modules of a release, and returns how many there are.
func (s *history) release(ctx context.Context, work, module, version string) (added sizes, r saved, modules int, err error) {
	project, err := source(ctx, work, module, version)
	if err != nil {
		return sizes{}, saved{}, 0, err
	}
	defer os.RemoveAll(project)
	list, err := dependencies(ctx, project)
	if err != nil {
		return sizes{}, saved{}, 0, err
	}
	for _, d := range list {
		if s.modules[d.name] {
			continue
		}
		s.modules[d.name] = true
		n, err := s.module(d.dir)
		if err != nil {
			return sizes{}, saved{}, 0, err
		}
		added.add(n)
		modules++
	}
	r, err = s.saver.release(ctx, project, version, isNeeded(list))
	return added, r, modules, err
}

// dependencies lists the modules that the packages of a project and their tests need.
func dependencies(ctx context.Context, project string) (list []dependency, err error) {
	out, err := goCommand(ctx, project, "list", "-deps", "-test", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}@{{.Version}}\t{{.Dir}}{{end}}{{end}}", "./...")
	if err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if ok && !seen[name] {
			seen[name] = true
			list = append(list, dependency{name, dir})
		}
	}
	return list, nil
}

// source makes a writable copy of a version of the project.
func source(ctx context.Context, work, module, version string) (string, error) {
	out, err := goCommand(ctx, work, "mod", "download", "-json", module+"@"+version)
	if err != nil {
		return "", err
	}
	var got struct{ Dir string }
	if err := json.Unmarshal(out, &got); err != nil {
		return "", fmt.Errorf("go mod download -json: %w", err)
	}
	to := filepath.Join(work, version)
	return to, os.CopyFS(to, os.DirFS(got.Dir))
}

// module stores the tree of a module in all three ways.
func (s *history) module(dir string) (sizes, error) {
	var whole, files, chunks bytes.Buffer
	w := tar.NewWriter(&whole)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if err := w.WriteHeader(&tar.Header{Name: filepath.ToSlash(name), Size: int64(len(data)), Mode: 0o444}); err != nil {
			return err
		}
		s.file(data, &files, &chunks)
		_, err = w.Write(data)
		return err
	})
	if err := errors.Join(err, w.Close()); err != nil {
		return sizes{}, err
	}
	return sizes{s.stored(whole.Bytes()), s.stored(files.Bytes()), s.stored(chunks.Bytes())}, nil
}

// file writes a file to files, and each of its chunks to chunks, unless they are already stored.
func (s *history) file(data []byte, files, chunks *bytes.Buffer) {
	addNew(s.files, data, files)
	for len(data) > 0 {
		n := chunk.Cut(data)
		addNew(s.chunks, data[:n], chunks)
		data = data[n:]
	}
}

func addNew(known map[[sha256.Size]byte]bool, data []byte, w *bytes.Buffer) {
	if sum := sha256.Sum256(data); !known[sum] {
		known[sum] = true
		w.Write(data)
	}
}

func (s *history) stored(data []byte) int64 {
	if len(data) == 0 {
		return 0
	}
	return int64(len(s.encoder.EncodeAll(data, nil)))
}
