package listing

import (
	"strings"
	"time"

	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// Detail is what one manifest says.
type Detail struct {
	Digest   string        `json:"digest"`
	Tool     string        `json:"tool,omitempty"`     // that wrote it
	SignedBy []string      `json:"signedBy,omitempty"` // IDs of keys, by its own word
	Size     snapshot.Size `json:"size"`
	Outputs  int           `json:"outputs"`
	Programs int           `json:"programs"` // outputs of go run and go tool
	// Packs are all that it names; Foreign those that lie in another scope, which wrote them.
	Packs   retention.Amount `json:"packs"`
	Foreign retention.Amount `json:"foreign"`
	// Public modules are shared by all repositories, Private ones belong to the scope.
	Public  retention.Amount `json:"public"`
	Private retention.Amount `json:"private"`
	Trees   []snapshot.Sized `json:"trees,omitempty"` // module graph, fuzzing corpus, paths
	Builds  []snapshot.Build `json:"builds,omitempty"`
	Trend   []snapshot.Saved `json:"trend"` // the last saves, oldest first
	Largest []snapshot.Sized `json:"largestModules"`
	Uses    []Use            `json:"uses"` // build entries by their last use
}

// Use counts build entries that were used last within so many days; 0 days: before all others.
type Use struct {
	Days    int `json:"days"`
	Entries int `json:"entries"`
}

// useDays are the classes of uses.
var useDays = [...]int{1, 2, 7, 14, 0}

// largestModules is how many modules are listed.
const largestModules = 10

// DetailOf describes a manifest.
func DetailOf(m *snapshot.Manifest, signedBy []string, now time.Time) *Detail {
	d := &Detail{
		Digest: m.Digest, Tool: m.Writer.Tool, SignedBy: signedBy, Size: m.Size(), Outputs: len(m.Outputs),
		Builds: m.Builds, Trend: m.Trend, Largest: m.LargestModules(largestModules),
	}
	for _, o := range m.Outputs {
		if o.Exec != "" {
			d.Programs++
		}
	}
	own := snapshot.ScopePrefix(m.Repo, m.Scope) + "/"
	for _, p := range m.Packs {
		d.Packs.Add(p.Size)
		if !strings.HasPrefix(p.Object, own) {
			d.Foreign.Add(p.Size)
		}
	}
	for _, mod := range m.Modules {
		to := &d.Private
		if snapshot.IsShared(mod.Object) {
			to = &d.Public
		}
		to.Add(mod.Size)
	}
	for _, t := range m.Trees {
		d.Trees = append(d.Trees, snapshot.Sized{Name: t.Name, Bytes: t.Bytes})
	}
	for _, p := range m.Paths {
		s := snapshot.Sized{Name: p.Name}
		for _, f := range p.Files {
			s.Bytes += f.Size
		}
		d.Trees = append(d.Trees, s)
	}
	d.Uses = usesOf(m, now)
	return d
}

// usesOf counts the entries in each class.
func usesOf(m *snapshot.Manifest, now time.Time) []Use {
	list := make([]Use, len(useDays))
	for i, days := range useDays {
		list[i].Days = days
	}
	for _, a := range m.Actions {
		age := now.Sub(time.Unix(a.LastUse, 0))
		i := 0
		for i < len(useDays)-1 && age > time.Duration(useDays[i])*24*time.Hour {
			i++
		}
		list[i].Entries++
	}
	return list
}
