package ci

import (
	"bytes"
	"context"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"

	"github.com/org/gocache-action/internal/subprocess"
)

// Git is what a repository says about itself; any field may be "".
type Git struct {
	Remote        string // URL of origin, or of the only other remote
	Branch        string // "refs/heads/main"; "" with a detached HEAD
	DefaultBranch string // as the remote had it when it was cloned
	Commit        string
}

// Source is what git knows of an identity.
func (g Git) Source() Source {
	return Source{fromGit, Identity{Repo: repoName(g.Remote), Scope: g.Branch, DefaultScope: g.DefaultBranch, Commit: g.Commit}}
}

// ReadGit asks git about the repository around dir. All fields are "" if there is no git or no
// repository.
func ReadGit(ctx context.Context, dir string) Git {
	var g Git
	if gitOutput(ctx, dir, "rev-parse", "--git-dir") == "" {
		return g // at the price of one command instead of all
	}
	var all sync.WaitGroup
	all.Go(func() { g.Branch = gitOutput(ctx, dir, "symbolic-ref", "--quiet", "HEAD") })
	all.Go(func() { g.Commit = gitOutput(ctx, dir, "rev-parse", "--verify", "--quiet", "HEAD") })
	all.Go(func() {
		remote := "origin"
		if list := strings.Fields(gitOutput(ctx, dir, "remote")); len(list) == 1 {
			remote = list[0]
		}
		all.Go(func() { g.Remote = gitOutput(ctx, dir, "remote", "get-url", remote) })
		g.DefaultBranch = defaultBranch(ctx, dir, remote)
	})
	all.Wait()
	return g
}

// defaultBranch reads what a clone notes about the HEAD of its remote. CI systems that fetch
// instead of cloning leave no such note; then the usual names are tried.
func defaultBranch(ctx context.Context, dir, remote string) string {
	prefix := "refs/remotes/" + remote + "/"
	refs := map[string]string{} // name -> target of a symbolic one
	out := gitOutput(ctx, dir, "for-each-ref", "--format=%(refname) %(symref)",
		prefix+"HEAD", prefix+"main", "refs/heads/main", prefix+"master", "refs/heads/master")
	for line := range strings.Lines(out) {
		name, target, _ := strings.Cut(strings.TrimSpace(line), " ")
		refs[name] = target
	}
	if head, ok := refs[prefix+"HEAD"]; ok && head != "" {
		return "refs/heads/" + strings.TrimPrefix(head, prefix)
	}
	for _, name := range []string{"main", "master"} {
		for _, ref := range []string{prefix + name, "refs/heads/" + name} {
			if _, ok := refs[ref]; ok {
				return "refs/heads/" + name
			}
		}
	}
	return ""
}

// gitOutput returns what a git command prints, or "" if it fails. In containers the checkout often
// belongs to another user.
func gitOutput(ctx context.Context, dir string, args ...string) string {
	out, err := subprocess.Output(subprocess.GitOfAnyone(ctx, dir, args...))
	if err != nil {
		return ""
	}
	return string(bytes.TrimSpace(out))
}

// scpForm is [user@]host:path. One letter before the colon is a Windows drive.
var scpForm = regexp.MustCompile(`^(?:[^/@]*@)?(\[[^/\]]+\]|[^/:]{2,}):(.*)$`)

// repoName turns the URL of a remote into a name such as github.com/org/name. All ways to reach a
// repository have the same name, without user, password and port. Local paths lose only their
// leading slash and ".git". The result is "" if remote is not an address.
func repoName(remote string) string {
	host, path := "", remote
	if scheme, _, ok := strings.Cut(remote, "://"); ok {
		u, err := url.Parse(remote)
		if err != nil {
			return ""
		}
		path = u.Path
		if scheme != "file" {
			host = u.Hostname()
		}
	} else if m := scpForm.FindStringSubmatch(remote); m != nil {
		host, path = strings.Trim(m[1], "[]"), m[2]
	}
	path = strings.Trim(filepath.ToSlash(path), "/")
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".git"), "/")
	if host == "" || path == "" {
		return path
	}
	return strings.ToLower(host) + "/" + path
}
