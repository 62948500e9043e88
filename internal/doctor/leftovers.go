package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/rebuild"
)

// Ages from which on something is left over, and not at work.
const (
	atWork       = 15 * time.Minute
	oldBuild     = 24 * time.Hour
	manyOldBuild = 20
)

// nextRestore says that nothing needs to be done about what restores have left.
const nextRestore = "the next gocache restore removes it, too"

// checkLeftovers looks for what killed commands have left in the caches.
func checkLeftovers(ctx context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	wrong := leftModules(f, ctx)
	wrong = append(wrong, leftOutputs(f)...)
	wrong = append(wrong, leftBuilds(f)...)
	wrong = append(wrong, leftRebuilds(f)...)
	return or(wrong, finding.Okf("nothing is left of killed commands, and locks work"))
}

// leftModules looks at the module cache.
func leftModules(f *Facts, ctx context.Context) (wrong []finding.Finding) {
	dir := f.Env["GOMODCACHE"]
	if !isDir(dir) {
		return nil
	}
	c := modcache.Open(dir, modcache.Options{Unread: func(string, error) {}})
	// check permissions tells what cannot be written to: no go command can damage that
	if _, err := modcache.LocksWork(c); err != nil && !errors.Is(err, fs.ErrPermission) && !osfile.IsReadOnly(err) {
		wrong = append(wrong, finding.Warnf(f.elsewhere("GOMODCACHE"),
			"GOMODCACHE, %s: its file system has no locks (%v): two go commands at once can damage it", dir, err))
	}
	if stages, err := modcache.DeadStages(c); err == nil && len(stages) > 0 {
		wrong = append(wrong, finding.Warnf(finding.Run("gocache trim --max-age 90d").With(nextRestore),
			"GOMODCACHE has %s of restores that were killed, such as %s", quantity.Counted(len(stages), "stage"), filepath.Join(dir, "cache", stages[0])))
	}
	list, err := c.Scan(ctx)
	if err != nil {
		return append(wrong, unknown("GOMODCACHE, %s: %v", dir, err))
	}
	var broken []modcache.Module
	for _, m := range list {
		if m.State == modcache.Broken && !isUsual(m) && f.Now().Sub(c.Touched(m.Version)) > atWork {
			broken = append(broken, m)
		}
	}
	if len(broken) > 0 {
		first := broken[0]
		wrong = append(wrong, finding.Warnf(finding.Run(c.Removal(first.Version)), "GOMODCACHE has %s that no go command can use, such as %s: %s",
			quantity.Counted(len(broken), "module version"), first.Version, first.Problem))
	}
	return wrong
}

// leftRebuilds looks for caches that a rebuild has set aside.
func leftRebuilds(f *Facts) (wrong []finding.Finding) {
	for _, dir := range []string{f.Env["GOMODCACHE"], f.buildDir()} {
		if !isDir(dir) {
			continue
		}
		if text, err := rebuild.Left(dir); err != nil {
			wrong = append(wrong, unknown("%s: %v", dir, err))
		} else if text != "" {
			wrong = append(wrong, finding.Warnf(finding.Run("gocache rebuild --undo"), "%s", text))
		}
	}
	return wrong
}

// isUsual reports whether go commands leave a version in such a state though none was killed:
// go mod download of one version leaves no .mod, that of a toolchain for another system no tree.
func isUsual(m modcache.Module) bool {
	return m.Problem == ".mod is missing" || m.Problem == "tree is missing"
}

// leftOutputs looks at the build cache.
func leftOutputs(f *Facts) (wrong []finding.Finding) {
	if !isDir(f.buildDir()) {
		return nil
	}
	list, err := buildcache.OldPartials(buildcache.Open(f.buildDir()), f.Now().Add(-atWork))
	if err == nil && len(list) > 0 {
		wrong = append(wrong, finding.Warnf(finding.Run("gocache trim --max-age 90d"), "GOCACHE has %s of restores that were killed, such as %s", quantity.Counted(len(list), "output"), list[0]))
	}
	return wrong
}

// leftBuilds looks for the directories in which killed go commands have built. Some are left on
// most machines.
func leftBuilds(f *Facts) []finding.Finding {
	dir := f.tempDir()
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	n := 0
	for _, d := range list {
		if !d.IsDir() || !strings.HasPrefix(d.Name(), "go-build") {
			continue
		}
		if info, err := d.Info(); err == nil && f.Now().Sub(info.ModTime()) > oldBuild {
			n++
		}
	}
	if n < manyOldBuild {
		return nil
	}
	return []finding.Finding{finding.Warnf(finding.Run(removeBuilds(runtime.GOOS, dir)),
		"%s has %s of go commands that were killed more than a day ago", dir, quantity.Counted(n, "directory"))}
}

// removeBuilds is the command that removes what killed go commands have left in a directory.
func removeBuilds(goos, dir string) string {
	if goos == "windows" {
		return `Get-ChildItem -Directory -Filter go-build* -LiteralPath "` + dir + `" | Where-Object LastWriteTime -lt (Get-Date).AddDays(-1) | Remove-Item -Recurse -Force`
	}
	return "find " + finding.Quote(dir) + " -maxdepth 1 -name 'go-build*' -mtime +1 -exec rm -rf {} +"
}
