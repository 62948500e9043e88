package doctor

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/redact"
)

// triedModules is how many private modules are tried: one of each host and owner.
const triedModules = 6

// checkVCS: the go command can read the repositories of private modules, with the credentials that
// it would use.
func checkVCS(ctx context.Context, f *Facts) []finding.Finding {
	if f.EnvErr != nil {
		return nil
	}
	paths := directModules(f)
	if len(paths) == 0 {
		return []finding.Finding{finding.Okf("no module of the project is fetched from its repository")}
	}
	if _, err := exec.LookPath("git"); err != nil {
		return []finding.Finding{finding.Failf(finding.Advise("install git"), "%s is fetched from its repository, and there is no git in PATH", paths[0])}
	}
	paths = oneEach(paths)
	more := len(paths) - triedModules
	paths = paths[:min(len(paths), triedModules)]
	found := make([]finding.Finding, len(paths))
	var all sync.WaitGroup
	for i, path := range paths {
		all.Go(func() { found[i] = tryRepository(f, ctx, path) })
	}
	all.Wait()
	if more > 0 {
		found = append(found, unknown("not asked: %s", quantity.Counted(more, "more repository")))
	}
	return found
}

// directModules are the modules of go.mod that are fetched from their repositories.
func directModules(f *Facts) (list []string) {
	if f.Mod == nil {
		return nil
	}
	for _, r := range f.Mod.Require {
		path := r.Mod.Path
		if to := replacedBy(f.Mod, r.Mod); to != nil {
			if to.Version == "" {
				continue // a directory
			}
			path = to.Path
		}
		if f.isDirect(path) || strings.TrimSpace(f.Env["GOPROXY"]) == "direct" && f.isPrivate(path) {
			list = append(list, path)
		}
	}
	return list
}

// replacedBy is what replaces a version; nil: nothing.
func replacedBy(mod *modfile.File, v module.Version) *module.Version {
	for _, r := range mod.Replace {
		if r.Old.Path == v.Path && (r.Old.Version == "" || r.Old.Version == v.Version) {
			return &r.New
		}
	}
	return nil
}

// oneEach keeps the first path of each host and owner: those have the same credentials.
func oneEach(paths []string) (list []string) {
	seen := map[string]bool{}
	for _, p := range paths {
		elems := strings.SplitN(p, "/", 3)
		key := strings.Join(elems[:min(len(elems), 2)], "/")
		if !seen[key] {
			seen[key] = true
			list = append(list, p)
		}
	}
	return list
}

// tryRepository has the go command list the versions of a module, which is the first thing it does
// with a repository. It works in a module cache of its own, with the user's credentials, and never
// asks for a password.
func tryRepository(f *Facts, ctx context.Context, path string) finding.Finding {
	scratch, err := os.MkdirTemp("", "gocache-doctor-")
	if err != nil {
		return unknown("%s: %v", path, err)
	}
	defer os.RemoveAll(scratch)
	// a go.mod in a directory above does not count, with what it replaces
	work := filepath.Join(scratch, "work")
	err = errors.Join(os.Mkdir(work, 0o777), os.WriteFile(filepath.Join(work, "go.mod"), []byte("module gocache.invalid/doctor\n\ngo 1.21\n"), 0o666))
	if err != nil {
		return unknown("%s: %v", path, err)
	}
	env := []string{
		"GOMODCACHE=" + filepath.Join(scratch, "mod"), "GOFLAGS=-modcacherw", "GOWORK=off", "GOTOOLCHAIN=local", "GO111MODULE=on",
		"GOPROXY=direct", "GOSUMDB=off", "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never",
		"SSH_ASKPASS=", // a window; GIT_ASKPASS may be how a job gives credentials
	}
	if own, _ := f.Git(ctx, work, "config", "--get", "core.sshCommand"); f.Getenv("GIT_SSH_COMMAND") == "" && f.Getenv("GIT_SSH") == "" && strings.TrimSpace(own) == "" {
		env = append(env, "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o ConnectTimeout=10")
	}
	_, err = f.Go(ctx, work, env, "list", "-m", "-versions", "-retracted", path)
	if err == nil {
		return finding.Okf("the repository of %s can be read", path)
	}
	text := shorten(err.Error())
	if ctx.Err() != nil {
		return finding.Warnf(finding.Advise("see whether the host can be reached from here"), "the repository of %s does not answer in time", path)
	}
	return finding.Failf(credentialRemedy(path, text), "the repository of %s cannot be read: %s", path, text)
}

// shorten leaves the lines of an error that say something, at most four.
func shorten(text string) string {
	var lines []string
	for line := range strings.Lines(redact.Text(text)) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	if len(lines) > 4 {
		lines = append(lines[:1], lines[len(lines)-3:]...)
	}
	return strings.Join(lines, "\n")
}

// credentialRemedy is what helps against an error of git.
func credentialRemedy(path, text string) finding.Remedy {
	host, _, _ := strings.Cut(path, "/")
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch {
	case has("could not read Username", "terminal prompts disabled", "Authentication failed", "could not read Password", "no secure protocol found"):
		return finding.Run("git config --global " + finding.Word(`url.git@`+host+`:.insteadOf`) + " https://" + host + "/").
			With("asks it through SSH; else a line for " + host + " in ~/.netrc, and in a job a token of the job")
	case has("Permission denied (publickey"):
		return finding.Run("ssh-add").With("gives the key to the agent; its public part belongs to the account at " + host)
	case has("Host key verification failed"):
		return finding.Run("ssh-keyscan " + host + " >> ~/.ssh/known_hosts").With("and compare the key with what the host publishes")
	case has("ould not resolve host", "no such host"):
		return finding.Advise("see whether the name is right and the network has it: " + host)
	case has("disallows using"):
		return finding.Run("go env -w GOVCS=" + host + ":git").With("allows it")
	case has("unrecognized import path"):
		return finding.Advise("see what https://" + path + "?go-get=1 answers, or append .git to the path of the repository")
	}
	return finding.Run("git ls-remote https://" + path).With("shows what git says without the go command")
}
