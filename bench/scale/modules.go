package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/modcache"
)

// perModule is how many build entries there are for each module.
const perModule = 200

// madeModule is one module version of the project, with two older versions of which the module
// graph has only the go.mod: one that go.sum names, and one that it does not.
type madeModule struct {
	v           module.Version
	files       map[string][]byte // of the tree
	sum, modSum string
}

func newModule(i int) madeModule {
	name := fmt.Sprintf("m%05d", i)
	m := madeModule{v: module.Version{Path: "example.com/scale/" + name, Version: fmt.Sprintf("v1.%d.0", i%7)}}
	m.files = map[string][]byte{"go.mod": goMod(m.v), "LICENSE": text(i, 0, 1100), "README.md": text(i, 1, 2500)}
	for n, file := range []string{"doc.go", "a.go", "b.go", "internal/c/c.go", "m_test.go"} {
		pkg := name
		if file == "internal/c/c.go" {
			pkg = "c"
		}
		m.files[file] = fmt.Appendf(nil, "package %s\n\n/*\n%s\n*/\n", pkg, text(i, n+2, 300+n*500))
	}
	var tree modcache.TreeHash
	for file, data := range m.files {
		tree.Add(m.v.Path+"@"+m.v.Version+"/"+file, sha256.Sum256(data))
	}
	m.sum, m.modSum = tree.Sum(), modSum(m.files["go.mod"])
	return m
}

func goMod(v module.Version) []byte { return fmt.Appendf(nil, "module %s\n\ngo 1.21\n", v.Path) }

// modSum returns the hash of a go.mod file as in go.sum.
func modSum(data []byte) string {
	var t modcache.TreeHash
	t.Add("go.mod", sha256.Sum256(data))
	return t.Sum()
}

// text returns n bytes of words with numbers among them.
func text(i, file, n int) []byte {
	rnd := rand.New(rand.NewPCG(uint64(i), uint64(file)+100))
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "the %d returns an error of package %x if its name\n", rnd.IntN(1000), rnd.Uint32())
	}
	return b.Bytes()[:n]
}

// install puts the module, and the files of the older versions, into a module cache.
func (m madeModule) install(stage *modcache.Stage) error {
	inst, err := stage.Begin(m.v, modcache.InstallOptions{})
	if err != nil {
		return err
	}
	defer inst.Abort()
	base := "cache/download/" + m.v.Path + "/@v/"
	small := base + m.v.Version
	if err := inst.WriteFile(small+".info", 0o644, info(m.v.Version)); err != nil {
		return err
	}
	if err := inst.WriteFile(small+".mod", 0o644, m.files["go.mod"]); err != nil {
		return err
	}
	for file, data := range m.files {
		if err := inst.WriteFile(m.v.Path+"@"+m.v.Version+"/"+file, 0o444, data); err != nil {
			return err
		}
	}
	if err := inst.Commit(m.sum, m.modSum); err != nil {
		return err
	}
	for _, v := range graphVersions {
		if _, err := stage.InstallGraphFile(base+v+".mod", m.files["go.mod"], false); err != nil {
			return err
		}
		if _, err := stage.InstallGraphFile(base+v+".info", info(v), false); err != nil {
			return err
		}
	}
	return nil
}

// graphVersions are the older versions; go.sum names the first.
var graphVersions = []string{"v0.1.0", "v0.2.0"}

func info(version string) []byte {
	return fmt.Appendf(nil, `{"Version":%q,"Time":"2026-01-02T03:04:05Z"}`, version)
}

// makeModules makes a module cache with n modules, and in project a program that imports every
// tenth of them: the others are only part of the module graph, like most modules of real ones.
func makeModules(ctx context.Context, dir, project string, n int) error {
	stage, err := modcache.Open(dir, modcache.Options{}).NewStage()
	if err != nil {
		return err
	}
	defer stage.Close()
	mods := make([]madeModule, n)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i := range mods {
		g.Go(func() error {
			mods[i] = newModule(i)
			err := mods[i].install(stage)
			mods[i].files = nil
			if err == nil {
				err = ctx.Err()
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return writeProject(project, mods)
}

func writeProject(dir string, mods []madeModule) error {
	var mod, sum, code bytes.Buffer
	mod.WriteString("module example.com/scale/project\n\ngo 1.24\n\nrequire (\n")
	code.WriteString("package main\n\nimport (\n")
	for i, m := range mods {
		fmt.Fprintf(&mod, "\t%s %s\n", m.v.Path, m.v.Version)
		if i%10 == 0 {
			fmt.Fprintf(&code, "\t_ %q\n", m.v.Path)
		}
		fmt.Fprintf(&sum, "%s %s/go.mod %s\n", m.v.Path, graphVersions[0], m.modSum)
		fmt.Fprintf(&sum, "%s %s %s\n%s %s/go.mod %s\n", m.v.Path, m.v.Version, m.sum, m.v.Path, m.v.Version, m.modSum)
	}
	mod.WriteString(")\n")
	code.WriteString(")\n\nfunc main() {}\n")
	for name, b := range map[string]*bytes.Buffer{"go.mod": &mod, "go.sum": &sum, "main.go": &code} {
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}
