package ci

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"

	"github.com/org/gocache-action/internal/samedir"
	"github.com/org/gocache-action/internal/usage"
)

// An Identity says whose snapshot a command works on.
type Identity struct {
	Name         string  `json:"name"`
	Repo         string  `json:"repo"`
	Scope        string  `json:"scope"`
	BaseScope    string  `json:"baseScope,omitempty"`
	DefaultScope string  `json:"defaultScope,omitempty"`
	Commit       string  `json:"commit,omitempty"`
	Run          string  `json:"run,omitempty"`
	From         Origins `json:"from"`
}

// or fills what is empty from another identity.
func (id Identity) or(other Identity) Identity {
	for _, f := range []struct{ mine, theirs *string }{
		{&id.Name, &other.Name}, {&id.Repo, &other.Repo}, {&id.Scope, &other.Scope},
		{&id.BaseScope, &other.BaseScope}, {&id.DefaultScope, &other.DefaultScope},
		{&id.Commit, &other.Commit}, {&id.Run, &other.Run},
	} {
		if *f.mine == "" {
			*f.mine = *f.theirs
		}
	}
	return id
}

// Whole reports whether git has nothing to add.
func (id Identity) Whole() bool {
	return id.Repo != "" && id.Scope != "" && id.DefaultScope != "" && id.Commit != ""
}

// Check refuses an identity that cannot be stored, wherever it comes from: flags, the CI system, or
// git.
func (id Identity) Check() error {
	for _, n := range []struct{ what, name string }{
		{"--name", id.Name}, {"--repo", id.Repo}, {"--scope", id.Scope},
		{"--base-scope", id.BaseScope}, {"--default-scope", id.DefaultScope},
	} {
		if err := usage.CheckName(n.what, n.name); err != nil {
			return err
		}
	}
	return nil
}

// Where parts of an identity come from that no CI system names.
const (
	FromFlag     = "flag"
	fromGit      = "git"
	fromPlace    = "made up from the directory"
	fromDefault  = "default"
	fromDetached = "not known, as HEAD is detached"
	fromUnknown  = "not known, as there is no branch"
)

// Origins says where each part of an identity comes from; "" is a part that it does not have.
type Origins struct {
	Name         string `json:"name"`
	Repo         string `json:"repo"`
	Scope        string `json:"scope"`
	BaseScope    string `json:"baseScope,omitempty"`
	DefaultScope string `json:"defaultScope,omitempty"`
}

// String lists the origins for people.
func (o Origins) String() string {
	text := fmt.Sprintf("name: %s; repo: %s; scope: %s", o.Name, o.Repo, o.Scope)
	if o.BaseScope != "" {
		text += "; base: " + o.BaseScope
	}
	if o.DefaultScope != "" {
		text += "; default branch: " + o.DefaultScope
	}
	return text
}

// A Source is a place that knows parts of an identity.
type Source struct {
	Place string
	Identity
}

// Identify takes each part from the first source that has it.
func Identify(sources ...Source) Identity {
	var id Identity
	for _, s := range sources {
		before := id
		id = id.or(s.Identity)
		for _, part := range []struct {
			was, is string
			from    *string
		}{
			{before.Name, id.Name, &id.From.Name}, {before.Repo, id.Repo, &id.From.Repo}, {before.Scope, id.Scope, &id.From.Scope},
			{before.BaseScope, id.BaseScope, &id.From.BaseScope}, {before.DefaultScope, id.DefaultScope, &id.From.DefaultScope},
		} {
			if part.was == "" && part.is != "" {
				*part.from = s.Place
			}
		}
	}
	return id
}

// Where a name or a scope is not known.
const (
	fallbackName = "default"
	LocalScope   = "local"
)

// Fallbacks are the sources for what nobody knows: a name and a repository that are made up for the
// project in dir with the go.mod at gomod, and the scope of one machine.
func Fallbacks(dir, gomod string, git Git) []Source {
	unknown := fromUnknown
	if git.Commit != "" && git.Branch == "" {
		unknown = fromDetached
	}
	return []Source{
		{fromDefault, Identity{Name: fallbackName}},
		{fromPlace, Identity{Repo: madeUpRepo(dir, gomod)}},
		{unknown, Identity{Scope: LocalScope}},
	}
}

// madeUpRepo names a project that has no remote: by its module path, or else its
// directory, and by its place, so that two of the same name stay apart.
func madeUpRepo(dir, gomod string) string {
	name := filepath.Base(dir)
	if data, err := os.ReadFile(gomod); err == nil {
		if path := modfile.ModulePath(data); path != "" {
			name = path
		}
	}
	return name + "-" + ShortHash(samedir.Real(dir))
}

// Note says what is not known in a repository, where something better is usual; "" if nothing is
// amiss.
func (id Identity) Note() string {
	if id.From.Scope != fromDetached {
		return ""
	}
	return fmt.Sprintf("scope %s: %s (--scope says whose it is)", id.Scope, fromDetached)
}

// ShortHash tells long names apart, or directories: 12 hex digits of a SHA-256.
func ShortHash(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}
