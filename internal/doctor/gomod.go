package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/samedir"
)

// checkGoMod: go.mod and go.sum can be read.
func checkGoMod(_ context.Context, f *Facts) []finding.Finding {
	if f.gomod() == "" {
		return []finding.Finding{finding.Okf("no go.mod")}
	}
	if f.ModErr != nil {
		return []finding.Finding{finding.Failf(finding.Run("git diff go.mod").With("shows what changed; mend that line"), "%s cannot be read: %v", f.gomod(), f.ModErr)}
	}
	var wrong []finding.Finding
	if f.Mod.Module == nil {
		wrong = append(wrong, finding.Failf(finding.Advise("name it as others import it: go mod edit -module PATH"), "%s has no module line", f.gomod()))
	}
	if f.Mod.Go == nil {
		wrong = append(wrong, finding.Warnf(finding.Run("go mod edit -go="+strings.TrimPrefix(f.Env["GOVERSION"], "go")), "%s has no go line: the language is that of go1.16", f.gomod()))
	}
	sum := filepath.Join(f.moduleDir(), "go.sum")
	data, err := os.ReadFile(sum)
	switch {
	case err == nil:
		wrong = append(wrong, judgeSums(string(data))...)
	case !errors.Is(err, fs.ErrNotExist):
		wrong = append(wrong, finding.Failf(finding.Run(chown(sum)), "%v", err))
	case needsSums(f):
		wrong = append(wrong, finding.Failf(finding.Run("go mod tidy"), "go.mod requires modules, and there is no go.sum: nothing proves what is downloaded"))
	}
	return or(wrong, finding.Okf("go.mod requires %s", quantity.Counted(len(f.Mod.Require), "module")))
}

// needsSums reports whether a module is required that comes from elsewhere.
func needsSums(f *Facts) bool {
	for _, r := range f.Mod.Require {
		if to := replacedBy(f.Mod, r.Mod); to == nil || to.Version != "" {
			return !isDir(filepath.Join(f.vendorRoot(), "vendor"))
		}
	}
	return false
}

// judgeSums looks for lines that no go command reads, and for two hashes of one version.
func judgeSums(text string) (wrong []finding.Finding) {
	seen := map[string]string{}
	n := 0
	for line := range strings.Lines(text) {
		n++
		w := strings.Fields(line)
		switch {
		case len(w) == 0:
			continue
		case len(w) != 3:
			return append(wrong, finding.Failf(finding.Advise("remove the line, which a merge may have left, then: go mod tidy"), "go.sum: line %d is %q, which no go command reads", n, strings.TrimSpace(line)))
		}
		key := w[0] + " " + w[1]
		if hash, ok := seen[key]; ok && hash != w[2] && hash[:3] == w[2][:min(3, len(w[2]))] {
			wrong = append(wrong, finding.Failf(finding.Run("git log -p go.sum").With("shows which is right; then remove the other line"), "go.sum has two hashes of %s: %s and %s", key, hash, w[2]))
		}
		if len(w[2]) > 3 {
			seen[key] = w[2]
		}
	}
	return wrong
}

// shownDiff is how many changed lines of go.mod and go.sum are shown.
const shownDiff = 6

// checkTidy: go mod tidy would change nothing. It is asked without the network, so that the answer
// needs all modules to be in the cache.
func checkTidy(ctx context.Context, f *Facts) []finding.Finding {
	if f.Mod == nil {
		return nil
	}
	// With GOSUMDB=off the go command refuses to switch to another toolchain, also to one here.
	env := []string{"GOFLAGS=-mod=mod", "GOPROXY=off", "GONOPROXY=none", "GONOSUMDB=*", "GOWORK=off"}
	out, err := f.Go(ctx, f.moduleDir(), env, "mod", "tidy", "-diff")
	if err == nil {
		return []finding.Finding{finding.Okf("go mod tidy changes nothing")}
	}
	if !strings.HasPrefix(string(out), "diff ") {
		return []finding.Finding{unknown("%s", tidyProblem(err))}
	}
	lines := changedLines(string(out))
	text := strings.Join(lines[:min(len(lines), shownDiff)], "\n")
	if more := len(lines) - shownDiff; more > 0 {
		text += fmt.Sprintf("\nand %s", quantity.Counted(more, "more line"))
	}
	return []finding.Finding{finding.Warnf(finding.Run("go mod tidy"), "go mod tidy changes go.mod or go.sum:\n%s", text)}
}

// tidyProblem is why tidy could not tell, in a line or two.
func tidyProblem(err error) string {
	text := err.Error()
	if strings.Contains(text, "GOPROXY=off") {
		return "go mod tidy needs modules that are not in the module cache; with network: go mod tidy -diff"
	}
	return shorten(text)
}

// changedLines are those of a unified difference that were added or removed.
func changedLines(diff string) (lines []string) {
	for line := range strings.Lines(diff) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "+++") || strings.HasPrefix(line, "---") || line == "" {
			continue
		}
		if line[0] == '+' || line[0] == '-' {
			lines = append(lines, line)
		}
	}
	return lines
}

// checkReplaces: replacements are there, and would also be there in another checkout.
func checkReplaces(ctx context.Context, f *Facts) []finding.Finding {
	if f.Mod == nil {
		return nil
	}
	var wrong []finding.Finding
	local := 0
	for _, r := range f.Mod.Replace {
		if r.New.Version != "" {
			continue
		}
		local++
		if found, bad := judgeReplace(f, ctx, r.Old, r.New.Path); bad {
			wrong = append(wrong, found)
		}
	}
	if len(f.Mod.Replace) == 0 {
		return []finding.Finding{finding.Okf("nothing is replaced")}
	}
	return or(wrong, finding.Okf("%s, %d of them by a directory", quantity.Counted(len(f.Mod.Replace), "replacement"), local))
}

// judgeReplace looks at one replacement by a directory.
func judgeReplace(f *Facts, ctx context.Context, old module.Version, path string) (found finding.Finding, bad bool) {
	drop := finding.Run("go mod edit -dropreplace=" + old.String())
	dir := absolute(f.moduleDir(), filepath.FromSlash(path))
	if !isFile(filepath.Join(dir, "go.mod")) {
		return finding.Failf(drop, "go.mod replaces %s by %s, which has no go.mod", old.Path, path), true
	}
	if f.Root == "" {
		return found, false // nothing is about to be committed
	}
	instead := drop.With("for work on both at once: go work init . " + finding.Word(path) + ", with go.work in .gitignore")
	_, inside := samedir.Inside(dir, f.Root)
	switch {
	case !inside:
		return finding.Warnf(instead, "go.mod replaces %s by %s, which is outside of the repository: %s", old.Path, path, whenCommitted(f, ctx, path)), true
	case filepath.IsAbs(filepath.FromSlash(path)):
		return finding.Warnf(instead, "go.mod replaces %s by %s, which is an absolute path: it is another one in the next checkout", old.Path, path), true
	case untracked(f, ctx, filepath.Join(dir, "go.mod")):
		return finding.Warnf(finding.Run("git add "+finding.Word(path)).With("or without it: "+drop.Command), "go.mod replaces %s by %s, which git does not track: other checkouts do not have it", old.Path, path), true
	}
	return found, false
}

// whenCommitted says whether a replacement is committed already.
func whenCommitted(f *Facts, ctx context.Context, path string) string {
	head, err := f.Git(ctx, f.moduleDir(), "show", "HEAD:./go.mod")
	switch {
	case err != nil:
		return "no other checkout builds with it"
	case slices.ContainsFunc(strings.Fields(head), func(w string) bool { return strings.Trim(w, `"`) == path }):
		return "it is committed, and no other checkout builds"
	}
	return "it is not committed yet, and no other checkout would build with it"
}

// untracked reports whether git knows that it does not track a file: one that is ignored, or was
// never added. Submodules and worktrees are repositories of their own.
func untracked(f *Facts, ctx context.Context, file string) bool {
	if repositoryRoot(filepath.Dir(file)) != f.Root {
		return false
	}
	if _, err := f.Git(ctx, f.Root, "rev-parse", "--git-dir"); err != nil {
		return false
	}
	_, err := f.Git(ctx, filepath.Dir(file), "ls-files", "--error-unmatch", filepath.Base(file))
	return err != nil && ctx.Err() == nil
}

// checkExcludes: no version is required that is excluded.
func checkExcludes(_ context.Context, f *Facts) []finding.Finding {
	if f.Mod == nil {
		return nil
	}
	var wrong []finding.Finding
	var names []string
	for _, e := range f.Mod.Exclude {
		names = append(names, e.Mod.String())
		for _, r := range f.Mod.Require {
			if r.Mod == e.Mod {
				wrong = append(wrong, finding.Warnf(finding.Run("go mod tidy").With("selects the next one; or go mod edit -dropexclude="+e.Mod.String()),
					"go.mod requires %s and excludes it: go build does not work with it as it is", e.Mod))
			}
		}
	}
	if len(names) == 0 {
		return []finding.Finding{finding.Okf("no versions are excluded")}
	}
	return or(wrong, finding.Okf("excluded: %s", strings.Join(names, ", ")))
}
