package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/osfile"
)

// shared predicts what the go commands of a release do with any cache, from a real run of the same
// release with another one. Action IDs and outputs depend on sources, toolchain and directories,
// not on what was cached. So the commands look up the same entries, touch those that are there, and
// make the others. Where there is a real run as well, compare checks the prediction.
type shared struct {
	*lab
	working []buildcache.Local
	graphs  *graphs
}

func (s *shared) dir() string { return s.Path("shared") }

// keep copies the entries that the run which has just ended used or made.
func (s *shared) keep(u usage, g *graphs) error {
	s.working, s.graphs = u.working, g
	if err := osfile.RemoveAll(s.dir()); err != nil {
		return err
	}
	for _, e := range s.working {
		if err := copyEntry(s.buildDir(), s.dir(), e); err != nil {
			return err
		}
	}
	return nil
}

// replay does to the caches what the go commands would do. The modules are those that "go list"
// fetches for the same packages.
func (s *shared) replay(ctx context.Context, before *buildcache.Inventory) (*graphs, error) {
	have := map[digest.ID]bool{}
	for _, e := range before.Entries {
		have[e.Action] = true
	}
	now := time.Now()
	for _, e := range s.working {
		do := copyEntry
		if have[e.Action] {
			do = func(_, cache string, e buildcache.Local) error { return touchEntry(cache, e, now) }
		}
		if err := do(s.dir(), s.buildDir(), e); err != nil {
			return nil, err
		}
	}
	if trim := filepath.Join(s.buildDir(), "trim.txt"); len(before.Entries) == 0 {
		if err := writeTrim(trim, now); err != nil {
			return nil, err
		}
	}
	if _, err := s.goCommand(ctx, s.Path("project"), s.jobEnv(), "list", "-deps", "-test", "./..."); err != nil {
		return nil, err
	}
	return s.graphs.given(have), nil
}

// touchEntry marks a use as the go command does (cmd/go/internal/cache.markFile).
func touchEntry(cache string, e buildcache.Local, now time.Time) error {
	for _, file := range []string{cached(e.Action, "-a"), cached(e.Output, "-d")} {
		if err := os.Chtimes(filepath.Join(cache, file), now, now); err != nil {
			return err
		}
	}
	return nil
}

func cached(id digest.ID, kind string) string {
	name := id.String()
	return filepath.Join(name[:2], name+kind)
}

// copyEntry copies an entry from one build cache to another. The copy gets a new time.
func copyEntry(from, to string, e buildcache.Local) error {
	for _, file := range []string{cached(e.Output, "-d"), cached(e.Action, "-a")} {
		src, dst := filepath.Join(from, file), filepath.Join(to, file)
		if err := os.MkdirAll(filepath.Dir(dst), 0o755); err != nil {
			return err
		}
		info, err := os.Stat(src)
		if err != nil {
			return err
		}
		switch _, err := os.Stat(dst); {
		case err == nil: // another entry has the same output
		case info.IsDir(): // a program of "go run" or "go tool"
			err = os.CopyFS(dst, os.DirFS(src))
			if err != nil {
				return err
			}
		default:
			if err := copyFile(src, dst); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyFile(src, dst string) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(dst)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}

// comparison says how a real run differed from the prediction of shared.
type comparison struct {
	Release  string `json:"release"`
	Policy   string `json:"policy"`
	Entries  int    `json:"entries"`   // that the real run used or made
	Bytes    int64  `json:"bytes"`     // of these
	Unseen   amount `json:"unseen"`    // part of these that shared did not predict
	Excess   amount `json:"excess"`    // predicted by shared, but not in the real run
	Executed int    `json:"executed"`  // compile actions of the real run
	Other    string `json:"different"` // packages that were compiled in only one of the two
}

// compare is called after a real run, with what that run restored.
func (s *shared) compare(policy, release string, before *buildcache.Inventory, u usage, g *graphs) comparison {
	have := map[digest.ID]bool{}
	for _, e := range before.Entries {
		have[e.Action] = true
	}
	foreseen := s.graphs.given(have)
	var other []string
	for id, x := range g.compiles {
		if f, ok := foreseen.compiles[id]; !ok || f.executed != x.executed {
			other = append(other, x.pkg)
		}
	}
	for id, f := range foreseen.compiles {
		if _, ok := g.compiles[id]; !ok {
			other = append(other, f.pkg)
		}
	}
	slices.Sort(other)
	return comparison{
		Release: release, Policy: policy, Entries: u.Working.Entries, Bytes: u.Working.Bytes,
		Unseen: measure(minus(u.working, s.working)), Excess: measure(minus(s.working, u.working)),
		Executed: g.compiled().Executed, Other: strings.Join(other, ", "),
	}
}

func (c comparison) String() string {
	return fmt.Sprintf("%s, %s: %d entries, %.1f MB; %d unseen, %.2f MB; %d in excess, %.2f MB; different: %q",
		c.Release, c.Policy, c.Entries, mb(c.Bytes), c.Unseen.Entries, mb(c.Unseen.Bytes), c.Excess.Entries, mb(c.Excess.Bytes), c.Other)
}

// minus returns the entries of a whose action is not in b.
func minus(a, b []buildcache.Local) (rest []buildcache.Local) {
	b = slices.Clone(b)
	order := func(x, y buildcache.Local) int { return bytes.Compare(x.Action[:], y.Action[:]) }
	slices.SortFunc(b, order)
	for _, e := range a {
		if _, found := slices.BinarySearchFunc(b, e, order); !found {
			rest = append(rest, e)
		}
	}
	return rest
}
