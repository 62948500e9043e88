package cli

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/retention"
)

// Rows of the tables of show; --json has all.
const (
	shownSaves    = 10
	shownPackages = 20
)

// facts are names and values. What is not known is left out.
func (out *showOutput) facts() (list [][2]string) {
	add := func(name, format string, args ...any) {
		if text := strings.TrimSpace(fmt.Sprintf(format, args...)); text != "" {
			list = append(list, [2]string{name, text})
		}
	}
	add("id", "%s", out.ID)
	add("repository", "%s", out.Repo)
	add("scope", "%s", out.Scope)
	add("object", "%s", out.Object)
	if out.Latest {
		add("latest", "jobs with other module files start from it")
	}
	add("saved", "%s", out.times())
	add("by", "%s", strings.Join(slices.DeleteFunc([]string{out.Run, out.Commit}, func(s string) bool { return s == "" }), ", commit "))
	if out.Detail == nil {
		return list
	}
	add("written with", "%s", out.Tool)
	add("signed by", "%s", signedText(out.SignedBy))
	add("go", "%s", out.goVersion())
	add("stored", "%s", quantity.Bytes(out.Size.Stored))
	add("only here", "%s", out.alone())
	add("build cache", "%s, %s of %s, %s", quantity.Counted(out.Size.Actions, "entry"), quantity.Counted(out.Outputs, "output"), quantity.Bytes(out.Size.BuildBytes), quantity.Counted(out.Programs, "program"))
	add("used within", "%s", out.uses())
	add("packs", "%s%s", amountText(out.Packs), prefixed(", of other scopes ", out.Foreign))
	add("modules", "%s of %s: public %s%s", quantity.Counted(out.Size.Modules, "version"), quantity.Bytes(out.Size.ModuleBytes), amountText(out.Public), prefixed(", private ", out.Private))
	for _, t := range out.Trees {
		add("files", "%s, %s", t.Name, quantity.Bytes(t.Bytes))
	}
	for i, b := range out.Builds {
		add("built with", "%s, last used %s", out.ingredients(i), quantity.Ago(time.Unix(b.LastUse, 0), out.now))
	}
	return list
}

// ingredients describes one of the builds. Only the job knows what its hashes are of.
func (out *showOutput) ingredients(i int) string {
	with := out.Builds[i].With
	if i > 0 {
		names := buildenv.Differing(with, []map[string]string{out.Builds[0].With})
		return "another value of " + cmp.Or(strings.Join(names, ", "), "nothing that both have")
	}
	_, cgo := with["CC"]
	return fmt.Sprintf("%d ingredients (--json has their hashes), cgo %s", len(with), map[bool]string{true: "on", false: "off"}[cgo])
}

func (out *showOutput) times() string {
	ago := func(at time.Time) string {
		return at.UTC().Format(time.RFC3339) + ", " + quantity.Ago(at, out.now)
	}
	text := ago(savedAt(out.Snapshot))
	if !out.Read.IsZero() {
		text += "; read " + ago(out.Read)
	}
	return text
}

// goVersion is the version of Go in the key.
func (out *showOutput) goVersion() string {
	if len(out.Key) > 3 {
		return out.Key[3]
	}
	return ""
}

// alone says what of the snapshot nothing else names.
func (out *showOutput) alone() string {
	switch wt := out.Weight; {
	case wt == nil:
		return ""
	case len(wt.Unreadable) > 0:
		return fmt.Sprintf("not known, as %s cannot be read", wt.Unreadable[0].Object)
	default:
		return fmt.Sprintf("%s in %s objects; shared with other snapshots %s in %s, beside public modules",
			quantity.Bytes(wt.Alone.Bytes), quantity.Count(wt.Alone.Objects), quantity.Bytes(wt.Shared.Bytes), quantity.Count(wt.Shared.Objects))
	}
}

func (out *showOutput) uses() string {
	var parts []string
	for _, u := range out.Uses {
		if u.Entries == 0 {
			continue
		}
		of := english.Plural(u.Days, "day", "")
		if u.Days == 0 {
			of = "longer ago"
		}
		parts = append(parts, fmt.Sprintf("%s: %s", of, quantity.Count(u.Entries)))
	}
	return strings.Join(parts, ", ")
}

func signedText(ids []string) string {
	if len(ids) == 0 {
		return "nobody"
	}
	return strings.Join(ids, ", ")
}

func amountText(a retention.Amount) string {
	return fmt.Sprintf("%s, %s", quantity.Count(a.Count), quantity.Bytes(a.Bytes))
}

func prefixed(text string, a retention.Amount) string {
	if a.Count == 0 {
		return ""
	}
	return text + amountText(a)
}

// trend lists the last saves, the last one first.
func (out *showOutput) trend() report.Table {
	t := report.Table{Head: []string{"saves", "stored", "uploaded", "entries", "modules", "made", "reused", "by"}}
	for _, s := range slices.Backward(out.Trend) {
		if len(t.Rows) == shownSaves {
			break
		}
		t.Rows = append(t.Rows, []string{
			s.Time.UTC().Format(time.RFC3339), quantity.Bytes(s.Stored), quantity.Bytes(s.Uploaded), quantity.Count(s.Actions), quantity.Count(s.Modules),
			quantity.Count(s.Made), quantity.Count(s.Reused), s.Run,
		})
	}
	return t
}

func (out *showOutput) largest() report.Table {
	t := report.Table{Head: []string{"largest modules", "on disk"}}
	for _, m := range out.Largest {
		t.Rows = append(t.Rows, []string{m.Name, quantity.Bytes(m.Bytes)})
	}
	return t
}

func (out *showOutput) packages() report.Table {
	t := report.Table{Head: []string{"largest packages", "outputs", "on disk"}}
	for _, p := range out.Packages[:min(len(out.Packages), shownPackages)] {
		t.Rows = append(t.Rows, []string{p.Name, quantity.Count(p.Count), quantity.Bytes(p.Bytes)})
	}
	return t
}
