package whymodule

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/subprocess"
)

// A repoAnswer is what `go list -m -json` prints of a repository.
type repoAnswer struct {
	Version  string
	Versions []string
	GoMod    string
	Origin   struct{ URL, Subdir string }
	Error    *struct{ Err string }
}

// err is what the go command says against it, in a line.
func (m *repoAnswer) err() string {
	if m.Error == nil {
		return ""
	}
	return shortError(errors.New(m.Error.Err))
}

// listDirect asks for the versions, and for what a query means if that is not what the newest one
// is; both with one command, which clones the repository.
func (s *scratch) listDirect(ctx context.Context, t Target) (latest, query repoAnswer, err error) {
	args := []string{"list", "-m", "-e", "-json", "-versions", "-retracted", t.Path + "@latest"}
	if isRevision(t.Query) {
		args = append(args, t.String())
	}
	out, err := s.direct(ctx, args...)
	if err != nil {
		return latest, query, err
	}
	answers := json.NewDecoder(bytes.NewReader(out))
	if err = answers.Decode(&latest); err == nil && isRevision(t.Query) {
		err = answers.Decode(&query)
	}
	return latest, query, err
}

// askRepository asks for the versions by way of the go command, as it would itself with
// GOPROXY=direct, and for the tags by way of git. mod is the go.mod of the newest version.
func (s *scratch) askRepository(ctx context.Context, t Target) (r Repository, mod []byte) {
	m, q, err := s.listDirect(ctx, t)
	if r.Error = m.err(); err != nil {
		r.Error = shortError(err)
	}
	r.URL, r.Subdir, r.Versions = m.Origin.URL, m.Origin.Subdir, m.Versions
	semver.Sort(r.Versions)
	if m.GoMod != "" {
		mod, _ = os.ReadFile(m.GoMod)
	}
	clone := s.clone()
	if r.URL == "" {
		r.URL = clone
	}
	if clone == "" && r.Error != "" {
		return r, nil // it was not come to, or is not of git
	}
	r.Query, r.QueryErr = q.Version, q.err()
	if r.QueryErr != "" {
		r.Query = ""
	}
	r.Tags, err = s.tags(ctx, r.URL)
	if err != nil {
		r.TagsError = shortError(err)
	}
	if r.Subdir == "" {
		r.Subdir = subdirOf(t.Path)
	}
	r.URL = redact.Text(r.URL)
	return r, mod
}

// clone is the URL of the repository that the go command has begun to clone.
func (s *scratch) clone() string {
	list, err := modcache.Open(s.in("direct"), modcache.Options{}).Clones()
	if err != nil {
		return ""
	}
	for _, c := range list {
		if kind, url, ok := strings.Cut(c.Remote, ":"); ok && strings.HasPrefix(kind, "git") {
			return url
		}
	}
	return ""
}

// subdirOf guesses in which directory of its repository a module lies, on hosts whose repositories
// have two names.
func subdirOf(path string) string {
	prefix, _, _ := module.SplitPathVersion(path)
	parts := strings.Split(prefix, "/")
	if len(parts) < 4 || parts[0] == "gitlab.com" || !slices.Contains(codeHosts, parts[0]) {
		return ""
	}
	return strings.Join(parts[3:], "/")
}

// tags lists the tags of a repository.
func (s *scratch) tags(ctx context.Context, url string) ([]Tag, error) {
	if url == "" || strings.HasPrefix(url, "-") {
		return nil, errors.New("its URL is not known")
	}
	cmd := subprocess.Command(ctx, "git", "ls-remote", "--tags", url)
	cmd.Dir = s.in("empty")
	// GIT_ASKPASS may be how a job gives credentials
	cmd.Env = append(cmd.Environ(), "GIT_TERMINAL_PROMPT=0", "GCM_INTERACTIVE=never", "SSH_ASKPASS=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := subprocess.Output(cmd)
	switch {
	case err != nil && ctx.Err() == nil && stderr.Len() > 0:
		return nil, errors.New(strings.TrimSpace(stderr.String()))
	case err != nil:
		return nil, causeOf(ctx, err)
	}
	return parseTags(out), nil
}

// parseTags reads what git ls-remote prints. An annotated tag is followed by the commit that it is
// of.
func parseTags(out []byte) (list []Tag) {
	for line := range strings.Lines(string(out)) {
		f := strings.Fields(line)
		if len(f) != 2 {
			continue
		}
		name, ok := strings.CutPrefix(f[1], "refs/tags/")
		if !ok {
			continue
		}
		if of, ok := strings.CutSuffix(name, "^{}"); ok {
			if n := len(list); n > 0 && list[n-1].Name == of {
				list[n-1].Commit = f[0]
			}
			continue
		}
		list = append(list, Tag{name, f[0]})
	}
	return list
}

// hash downloads a version from the repository and returns its h1 hash.
func (s *scratch) hash(ctx context.Context, v module.Version) (string, error) {
	out, err := s.direct(ctx, "mod", "download", "-json", v.String())
	var m struct{ Sum, Error string }
	if jsonErr := json.Unmarshal(out, &m); err == nil {
		err = jsonErr
	}
	if err == nil && m.Error != "" {
		err = errors.New(m.Error)
	}
	return m.Sum, err
}

// inScratch is where git worked, which is gone when somebody reads it.
var inScratch = regexp.MustCompile(` in \S*gocache-doctor-\S*: exit status \d+`)

// shortError is an error of a go command or of git in a line, without the command and without
// secrets.
func shortError(err error) string {
	text := err.Error()
	if _, after, ok := strings.Cut(text, ": go: "); ok {
		text = after
	}
	text = inScratch.ReplaceAllString(text, "")
	text = redact.Text(strings.Join(strings.Fields(text), " "))
	if len(text) > 500 {
		text = text[:500] + "..."
	}
	return text
}
