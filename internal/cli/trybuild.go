package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// proxies is GOPROXY, preceded by the modules of this machine, so that nothing is downloaded twice.
// When a file proxy lacks a module, the go command goes on to the next proxy.
func (t *trial) proxies() string {
	dir := filepath.ToSlash(filepath.Join(t.project.env.GOMODCACHE, "cache", "download"))
	if _, err := os.Stat(dir); err != nil {
		return t.project.env.GOPROXY
	}
	if runtime.GOOS == "windows" {
		dir = "/" + dir
	}
	return (&url.URL{Scheme: "file", Path: dir}).String() + "," + t.project.env.GOPROXY
}

// build builds the packages with the temporary caches, and counts what was compiled.
func (t *trial) build(ctx context.Context, env ...string) (tryBuild, error) {
	// for GOTMPDIR: what an interrupted build leaves is removed with the rest
	if err := os.MkdirAll(t.path("go-tmp"), 0o755); err != nil {
		return tryBuild{}, err
	}
	counter := new(toolCounter)
	start := time.Now()
	err := t.goBuild(ctx, counter, env, "-x")
	b := tryBuild{Seconds: time.Since(start).Seconds(), Compiled: counter.compiled, Linked: counter.linked, packages: counter.packages}
	if err == nil || ctx.Err() != nil {
		return b, err
	}
	// What went wrong is lost among the commands that -x prints, so it is asked for again.
	var stderr bytes.Buffer
	if again := t.goBuild(ctx, &stderr, env); again != nil {
		err = again
	}
	return b, fmt.Errorf("%w\n%s", err, strings.TrimSpace(stderr.String()))
}

// goBuild runs `go build` and discards the program.
func (t *trial) goBuild(ctx context.Context, stderr io.Writer, env []string, flags ...string) error {
	args := append([]string{"build", "-o", os.DevNull}, flags...)
	if t.overlay != "" {
		args = append(args, "-overlay", t.overlay)
	}
	cmd := exec.CommandContext(ctx, "go", append(append(args, "--"), t.packages...)...)
	t.prepare(cmd, env...)
	cmd.Stderr = stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go build: %w", errors.Join(err, ctx.Err()))
	}
	return nil
}

// toolCounter counts the tools in the output of `go build -x`.
type toolCounter struct {
	compiled, linked int
	packages         []string // the first that were compiled
	line             []byte   // up to where tools are named
}

// maxPackages is how many packages are named when the proof fails.
const maxPackages = 10

// tool matches a call of a tool: "…/pkg/tool/linux_amd64/compile -o …".
var tool = regexp.MustCompile(`[/\\]pkg[/\\]+tool[/\\]+[^/\\ ]+[/\\]+(asm|cgo|compile|link)(\.exe)?["']? `)

// packageFlag matches the package in a call of the compiler.
var packageFlag = regexp.MustCompile(` -p (\S+)`)

// maxLine bounds how much of a line is kept: commands name their tool near the start, and may go on
// with thousands of files.
const maxLine = 4096

// Write implements io.Writer. It never fails, as that would end the build.
func (c *toolCounter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		part, rest, end := bytes.Cut(p, []byte("\n"))
		if room := maxLine - len(c.line); room > 0 {
			c.line = append(c.line, part[:min(room, len(part))]...)
		}
		if end {
			c.count()
		}
		p = rest
	}
	return n, nil
}

// count looks at a whole line. Assembler and cgo count as compilers: a warm cache needs neither.
func (c *toolCounter) count() {
	m := tool.FindSubmatch(c.line)
	switch {
	case m == nil:
	case string(m[1]) == "link":
		c.linked++
	default:
		c.compiled++
		if p := packageFlag.FindSubmatch(c.line); p != nil && len(c.packages) < maxPackages {
			c.packages = append(c.packages, string(p[1]))
		}
	}
	c.line = c.line[:0]
}
