package doctor

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goflags"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/samedir"
)

// checkFlags: go commands take GOFLAGS, and it changes nothing that people do not expect.
func checkFlags(ctx context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	text := f.Env["GOFLAGS"]
	if raw := f.Getenv("GOFLAGS"); raw != "" {
		text = raw // go env leaves out what it cannot read
	}
	list, err := goflags.Parse(text)
	if err != nil {
		return []finding.Finding{finding.Failf(f.unset("GOFLAGS"), "GOFLAGS=%s (%s): %v", text, f.origin("GOFLAGS"), err)}
	}
	var wrong []finding.Finding
	for _, word := range strings.Fields(text) {
		if !strings.HasPrefix(word, "-") && !strings.ContainsAny(text, `'"`) {
			wrong = append(wrong, finding.Failf(f.unset("GOFLAGS"), "GOFLAGS has %q, which is no flag: go commands refuse it", word))
		}
	}
	for _, one := range list {
		if found, bad := judgeFlag(f, one); bad {
			wrong = append(wrong, found)
		}
	}
	if text == "" {
		return or(wrong, finding.Okf("GOFLAGS is not set"))
	}
	if refusal := refusedFlags(f, ctx, text); refusal != "" && len(wrong) == 0 {
		wrong = append(wrong, finding.Failf(f.unset("GOFLAGS"), "GOFLAGS=%s (%s), which go commands refuse: %s", text, f.origin("GOFLAGS"), refusal))
	}
	return or(wrong, finding.Okf("GOFLAGS=%s (%s)", text, f.origin("GOFLAGS")))
}

// refusedFlags is what a go command that reads no files of packages says against GOFLAGS; "" if it
// takes them, or says the same without them.
func refusedFlags(f *Facts, ctx context.Context, text string) string {
	list := func(flags string) error {
		_, err := f.Go(ctx, f.Dir, []string{"GOFLAGS=" + flags, "GOTOOLCHAIN=local", "GOPROXY=off"}, "list", "unsafe")
		return err
	}
	refused := list(text)
	// An empty variable would be that of go env -w.
	if refused == nil || ctx.Err() != nil || list("-x=false") != nil {
		return ""
	}
	said := shorten(refused.Error())
	for _, before := range []string{"list unsafe: ", "go: "} {
		if _, after, found := strings.Cut(said, before); found {
			said = after
		}
	}
	return said
}

func judgeFlag(f *Facts, one goflags.Flag) (found finding.Finding, bad bool) {
	where := f.origin("GOFLAGS")
	switch {
	case one.Name == "mod" && one.Value == "vendor" && f.gomod() != "" && !isDir(filepath.Join(f.vendorRoot(), "vendor")):
		return finding.Failf(finding.Run("go mod vendor").With("or without it: "+f.unset("GOFLAGS").Command), "GOFLAGS has -mod=vendor (%s), and there is no directory vendor in %s", where, f.vendorRoot()), true
	case one.Name == "mod" && one.Value == "mod":
		return finding.Warnf(f.unset("GOFLAGS"), "GOFLAGS has -mod=mod (%s): go build and go test change go.mod and go.sum without being asked", where), true
	case one.Name == "modcacherw" && (one.Value == "" || one.Value == "true" || one.Value == "1"):
		return finding.Warnf(f.unset("GOFLAGS").With("'go clean -modcache' removes read-only trees as well"),
			"GOFLAGS has -modcacherw (%s): editors and generators can change modules in the cache, and go build does not notice", where), true
	case one.Name == "modfile" && one.Value != "" && !isFile(absolute(f.Dir, one.Value)):
		return finding.Failf(f.unset("GOFLAGS"), "GOFLAGS has -modfile=%s (%s), which does not exist", one.Value, where), true
	case one.Name == "insecure":
		return finding.Failf(f.unset("GOFLAGS"), "GOFLAGS has -insecure (%s), which no go command knows any more: GOINSECURE names the modules", where), true
	}
	return found, false
}

// vendorRoot is where the directory vendor would be.
func (f *Facts) vendorRoot() string {
	if f.gowork() != "" {
		return filepath.Dir(f.gowork())
	}
	return f.moduleDir()
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

// secretSettings may hold passwords: their values are not shown.
var secretSettings = []string{"GOAUTH", "GOPROXY", "GOFLAGS"}

// checkOverrides: what go env -w has written is not set otherwise in the environment.
func checkOverrides(_ context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	file := f.Env["GOENV"]
	var names []string
	var wrong []finding.Finding
	for name, kept := range f.File {
		names = append(names, name)
		now := f.Getenv(name)
		if now == "" || now == kept {
			continue
		}
		values := ""
		if !slices.Contains(secretSettings, name) {
			values = " (" + kept + ", and " + now + ")"
		}
		wrong = append(wrong, finding.Warnf(finding.Run(finding.Unset(name)).With("or, if the environment is right: go env -u "+name),
			"%s was written by go env -w, and the environment has another value, which wins%s", name, values))
	}
	slices.SortFunc(wrong, func(a, b finding.Finding) int { return strings.Compare(a.Evidence, b.Evidence) })
	slices.Sort(names)
	switch {
	case file == "off":
		return or(wrong, finding.Okf("GOENV=off: nothing of go env -w counts"))
	case len(names) == 0:
		return or(wrong, finding.Okf("go env -w has set nothing"))
	}
	return or(wrong, finding.Okf("go env -w has set %s in %s", strings.Join(names, ", "), file))
}

// checkWorkspace: a go.work that is in play has the module, and is the project's own.
func checkWorkspace(_ context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	file := f.gowork()
	if file == "" {
		if f.Env["GOWORK"] == "off" {
			return []finding.Finding{finding.Okf("GOWORK=off (%s): no workspace", f.origin("GOWORK"))}
		}
		return []finding.Finding{finding.Okf("no go.work in play")}
	}
	if f.WorkErr != nil {
		return []finding.Finding{finding.Failf(finding.Run(finding.Export("GOWORK", "off")).With("builds without it, until it is mended"), "%s cannot be read: %v", file, f.WorkErr)}
	}
	var wrong []finding.Finding
	used := false
	for _, use := range f.Work.Use {
		dir := absolute(filepath.Dir(file), filepath.FromSlash(use.Path))
		if !isFile(filepath.Join(dir, "go.mod")) {
			wrong = append(wrong, finding.Failf(finding.Run("go work edit -dropuse="+finding.Word(use.Path)), "%s uses %s, which has no go.mod", file, use.Path))
		}
		used = used || f.moduleDir() != "" && samedir.Same(dir, f.moduleDir())
	}
	if !used && f.moduleDir() != "" {
		wrong = append(wrong, finding.Failf(finding.Run("go work use "+finding.Word(f.moduleDir())).With("or without it: "+finding.Export("GOWORK", "off")),
			"%s is in play and does not use the module in %s: go build ./... finds no packages", file, f.moduleDir()))
	}
	// Many people have one around several repositories.
	note := ""
	if _, inside := samedir.Inside(file, f.Root); f.Root != "" && !inside {
		note = "; it is outside of the repository, so that CI, which does not have it, may select other versions"
	}
	return or(wrong, finding.Okf("%s is in play, with %s%s", file, quantity.Counted(len(f.Work.Use), "module"), note))
}
