package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/subprocess"
)

// change measures the save after a change of one file. The go command gets the changed file as an
// overlay, so nothing of the project is written. Each round makes another change.
func (r *rounds) change(ctx context.Context) error {
	file, err := r.t.fileToChange(ctx)
	if err != nil || file == "" {
		r.t.res.ChangeMissing = "none of the packages is part of the project"
		if err != nil {
			r.t.res.ChangeMissing = err.Error()
		}
		return ctx.Err()
	}
	change := new(tryChange)
	if change.File, err = filepath.Rel(r.t.project.dir, file); err != nil {
		change.File = file
	}
	r.t.res.Change = change
	n := 0
	build := func() (err error) {
		if n++; n == 1 {
			change.Build, err = r.t.buildChanged(ctx, file, n)
		} else {
			_, err = r.t.buildChanged(ctx, file, n)
		}
		return err
	}
	return r.each(ctx, build, func(w measured) (err error) {
		start := time.Now()
		w.res.StoredAgain, err = w.save(ctx, false)
		w.res.Again.add(time.Since(start))
		return err
	})
}

// buildChanged builds with a function more in the file, which changes the package and what is made
// of it.
func (t *trial) buildChanged(ctx context.Context, file string, n int) (tryBuild, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return tryBuild{}, err
	}
	changed := t.path(fmt.Sprintf("changed%d.go", n))
	text = fmt.Appendf(text, "\n\nfunc gocacheTryChange(n int) int { return %d * n }\n", n+1)
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		return tryBuild{}, err
	}
	t.overlay = t.path("overlay.json")
	if err := errors.Join(os.WriteFile(changed, text, 0o644), os.WriteFile(t.overlay, overlay, 0o644)); err != nil {
		return tryBuild{}, err
	}
	b, err := t.build(ctx, "GOPROXY=off")
	if err != nil {
		return b, fmt.Errorf("build after a change of %s: %w", file, err)
	}
	return b, nil
}

// listed is what go list says of a package.
type listed struct {
	Dir, Name string
	GoFiles   []string
	Module    *struct{ Main bool }
}

// fileToChange chooses the first file of the package in the middle of the project's; programs only
// if there is nothing else, since nothing depends on them. It returns "" if the packages are not
// part of the project.
func (t *trial) fileToChange(ctx context.Context) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append([]string{"list", "-json=Dir,Name,GoFiles,Module", "--"}, t.packages...)...)
	t.prepare(cmd, "GOPROXY=off")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go list: %w: %s", err, strings.TrimSpace(stderr.String()))
	}
	var packages, programs []listed
	for dec := json.NewDecoder(&stdout); ; {
		var p listed
		switch err := dec.Decode(&p); {
		case err == io.EOF:
			return middleFile(packages, programs), nil
		case err != nil:
			return "", fmt.Errorf("go list: %w", err)
		case p.Module == nil || !p.Module.Main || len(p.GoFiles) == 0:
		case p.Name == "main":
			programs = append(programs, p)
		default:
			packages = append(packages, p)
		}
	}
}

// middleFile is a file of the package in the middle of the first list that is not empty.
func middleFile(lists ...[]listed) string {
	for _, list := range lists {
		if len(list) > 0 {
			p := list[len(list)/2]
			return filepath.Join(p.Dir, p.GoFiles[0])
		}
	}
	return ""
}

// prepare lets a go command work on the project with the temporary caches. On an interrupt it has a
// chance to end its children.
func (t *trial) prepare(cmd *exec.Cmd, env ...string) {
	cmd.Dir = t.project.dir
	cmd.Env = append(append(cmd.Environ(), env...), "GOMODCACHE="+t.modDir(), "GOCACHE="+t.buildDir(), "GOTMPDIR="+t.path("go-tmp"))
	subprocess.EndGently(cmd)
	cmd.WaitDelay = 10 * time.Second
}
