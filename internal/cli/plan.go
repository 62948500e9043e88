package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/lookup"
	"github.com/org/gocache-action/internal/misses"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/keys"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

const planLong = `Plan explains the key of this project, with each ingredient and where it comes
from, and what a restore and a save would do now: what they would look for, fetch,
keep, trim and upload. It writes nothing, neither here nor in the store.

With --explain-miss it says, between a restore and a save, what a go command would
compile again and which tests it would run, and why: what differs from the jobs whose
snapshot was restored. The command is "go test ./...", or what follows "--".`

// planCommand takes the flags of restore and of save, so that the same line with another verb says
// what they would do.
func planCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:       "plan [restore|save] [-- GO COMMAND]",
		Short:     "Say what restore and save would do, and why",
		Long:      planLong,
		Example:   "  gocache plan\n  gocache plan save --store ./store\n  gocache plan --explain-miss -- go test -race ./...",
		ValidArgs: []string{planRestore, planSave},
	}
	return c.add(cmd, config.Plan, planJob)
}

const (
	planRestore = "restore"
	planSave    = "save"
)

// planned is what is asked for.
type planned struct {
	restore, save bool
	command       []string // whose misses are explained; nil: none
}

// parsePlan reads the arguments.
func parsePlan(args []string, explain bool) (planned, error) {
	p := planned{restore: true, save: true}
	if len(args) > 0 && (args[0] == planRestore || args[0] == planSave) {
		p.restore, p.save = args[0] == planRestore, args[0] == planSave
		args = args[1:]
	}
	var err error
	switch {
	case explain:
		p.restore = true
		p.command, err = goCommandOf(args)
	case len(args) > 0:
		err = usage.Errorf("invalid argument %q for \"gocache plan\": want restore or save", args[0])
	}
	return p, err
}

// planOutput is what plan prints with --json.
type planOutput struct {
	ci.Identity
	Store       string              `json:"store"`
	ModDir      string              `json:"modDir,omitempty"`   // none: not restored, not saved
	BuildDir    string              `json:"buildDir,omitempty"` // none: not restored, not saved
	Key         keys.Key            `json:"key"`
	Ingredients []keys.Ingredient   `json:"ingredients"`
	Candidates  []lookup.Candidate  `json:"candidates"` // where restore looks, in this order
	Restore     *restore.PlanResult `json:"restore,omitempty"`
	Save        *save.PlanResult    `json:"save,omitempty"`
	Misses      *misses.Report      `json:"misses,omitempty"`
	Notes       []string            `json:"notes,omitempty"`
	mtimesDir   string              // with --stable-mtimes
}

// planJob runs the command. It fails where restore and save would only warn: nobody runs it in a
// job whose success matters more.
func planJob(ctx context.Context, r *run, args []string) error {
	asked, err := parsePlan(args, r.cfg.ExplainMiss)
	if err != nil {
		return err
	}
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := makePlan(ctx, r, asked)
	if usage.Is(err) {
		return err
	}
	// The key is worth seeing also when the store does not answer.
	if out != nil {
		shown := struct {
			*planOutput
			outcome
		}{out, outcomeOf(err)}
		if printErr := r.out.result(shown, out.write); printErr != nil {
			return printErr
		}
		r.out.warnings(out.Notes)
	}
	return r.end.finish(ctx, err)
}

// makePlan also returns what it has found out beside an error; nil if it has found out nothing.
func makePlan(ctx context.Context, r *run, asked planned) (*planOutput, error) {
	st, noStore := openStore(ctx, r)
	if usage.Is(noStore) {
		return nil, noStore
	}
	p, err := findProject(ctx, r)
	if err != nil {
		return nil, err
	}
	tellNoModule(r.out, p)
	out := newPlan(p)
	if noStore != nil { // such as the cache service, which no step with run on GitHub can reach
		return out, noStore
	}
	out.Store = st.String()
	if asked.restore {
		if err := out.planRestore(ctx, r, p, st); err != nil {
			return out, err
		}
	}
	if asked.command != nil {
		if out.Misses, err = r.explainMisses(ctx, p, st, out.Restore, asked.command); err != nil {
			return out, err
		}
	}
	if reason := r.readOnlyReason(p.id); reason != "" && asked.save {
		r.out.say("read-only, a save would do nothing: %s", reason)
	}
	storeNotes(r.out, st)
	if asked.save && mayWrite(ctx, r.out, st) {
		out.Save, err = save.Plan(ctx, saveOptions(r, p, st, new(report.Meter)))
	}
	return out, err
}

// newPlan is what is known of a project without a store.
func newPlan(p *project) *planOutput {
	k := p.key.Key
	return &planOutput{
		Identity: p.id, Store: "none", ModDir: p.modDir, BuildDir: p.buildDir,
		Key: k, Ingredients: p.key.Ingredients, Notes: p.key.Notes,
		Candidates: lookup.Candidates(p.id.Repo, []string{p.id.Scope, p.id.BaseScope, p.id.DefaultScope}, k.Exact(), k.Latest()),
	}
}

// planRestore adds what a restore would do.
func (o *planOutput) planRestore(ctx context.Context, r *run, p *project, st store.Store) (err error) {
	if r.cfg.StableMtimes {
		o.mtimesDir = p.dir
	}
	if o.Restore, err = restore.Plan(ctx, restoreOptions(r, p, st, new(report.Meter))); err != nil {
		return err
	}
	if o.Restore.Matched == nil {
		tellOtherKeys(ctx, r.out, st, p)
	}
	return nil
}

// write prints the plan for people.
func (o *planOutput) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "store  %s\nrepo   %s\nscope  %s\nfrom   %s\n\n", o.Store, o.Repo, o.Scope, o.From)
	o.writeKey(&b)
	o.writeCandidates(&b)
	if o.Restore != nil {
		writeRestorePlan(&b, o.Restore)
	}
	if o.Save != nil {
		writeSavePlan(&b, o.Save)
	}
	if o.Misses != nil {
		writeMisses(&b, o.Misses)
	}
	if o.ModDir == "" {
		b.WriteString("\nGOMODCACHE is neither restored nor saved: --no-modules was given, or the project is vendored\n")
	}
	if o.mtimesDir != "" {
		fmt.Fprintf(&b, "\na restore would make the times of the tracked files in %s from their content\n", o.mtimesDir)
	}
	if o.BuildDir == "" {
		b.WriteString("\nGOCACHE is neither restored nor saved: --no-build was given, GOCACHE is off, or GOCACHEPROG is set\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil || o.Restore == nil && o.Save == nil {
		return err
	}
	io.WriteString(w, "\n")
	return report.WriteResult(w, report.Strong, o.result())
}

// result sums up in a line what a restore and a save would do.
func (o *planOutput) result() string {
	var parts []string
	if r := o.Restore; r != nil {
		stored, written := r.Modules.Stored+r.Build.Stored+r.Files.Stored, r.Modules.Bytes+r.Build.Bytes+r.Files.Bytes
		text := "a restore would do nothing"
		if stored > 0 {
			text = fmt.Sprintf("a restore would fetch %s and write %s", quantity.Bytes(stored), quantity.Bytes(written))
		}
		parts = append(parts, text)
	}
	if s := o.Save; s != nil {
		text := "a save would do nothing"
		if s.Written {
			text = fmt.Sprintf("a save would upload %s before compression", quantity.Bytes(s.Modules.Bytes+s.Build.Bytes+s.Trees.Bytes+s.Files.Bytes))
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// writeKey lists the ingredients of the key. The full digest is much longer than the other values
// and may stick out.
func (o *planOutput) writeKey(b *strings.Builder) {
	fmt.Fprintf(b, "key %s\n", o.Key)
	names, values := 0, 0
	for _, i := range o.Ingredients {
		names, values = max(names, len(i.Name)), max(values, min(len(i.Value), 40))
	}
	for _, i := range o.Ingredients {
		fmt.Fprintf(b, "  %-*s  %-*s  %s\n", names, i.Name, values, i.Value, i.Source)
	}
}

// writeCandidates names the objects as they lie in the store, for people who want to look at them.
func (o *planOutput) writeCandidates(b *strings.Builder) {
	b.WriteString("\nlooked for, in this order\n")
	for n, c := range o.Candidates {
		kind := "the latest snapshot of this name"
		if c.Exact {
			kind = "a snapshot of the same module files"
		}
		fmt.Fprintf(b, "  %d. %s in %s\n     %s\n", n+1, kind, c.Scope, c.Object)
	}
}

// writeRestorePlan prints what a restore would do. Modules that no manifest lists are counted
// separately, because their size is not known.
func writeRestorePlan(b *strings.Builder, r *restore.PlanResult) {
	fmt.Fprintf(b, "\nrestore: %s\n", foundTitle(r.Key, r.Matched, false))
	row := func(name string, c restore.PlanCounts) []string {
		return []string{"  " + name, quantity.Count(c.Fetch), quantity.Count(c.Present), quantity.Bytes(c.Stored), quantity.Bytes(c.Bytes)}
	}
	t := report.Table{
		Head: []string{"", "fetch", "already there", "to transfer", "to write"},
		Rows: [][]string{row("modules", r.Modules), row("build entries", r.Build)},
	}
	if r.Files != (restore.PlanCounts{}) {
		t.Rows = append(t.Rows, row(filesTitle, r.Files))
	}
	t.Write(b)
	if r.Unlisted > 0 {
		fmt.Fprintf(b, "  and, if the store has them, %s that only go.sum names\n", quantity.Counted(r.Unlisted, "module"))
	}
	for _, l := range r.Losses {
		fmt.Fprintf(b, "  lost: %s: %s: %s\n", l.What, l.Kind, l.Reason)
	}
	writeWarnings(b, r.Warnings)
}

// writeSavePlan prints what a save would do.
func writeSavePlan(b *strings.Builder, s *save.PlanResult) {
	b.WriteString("\nsave: ")
	if !s.Written {
		b.WriteString("nothing new\n")
	} else {
		fmt.Fprintf(b, "would write %s\n", strings.Join(s.Objects, "\n  and "))
	}
	row := func(name string, c save.PlanCounts) []string {
		return []string{"  " + name, quantity.Count(c.Upload), quantity.Bytes(c.Bytes), quantity.Count(c.Stored), quantity.Count(c.Trimmed)}
	}
	t := report.Table{
		Head: []string{"", "upload", "uncompressed", "already stored", "trim"},
		Rows: [][]string{row("modules", s.Modules), row("build entries", s.Build), row("other files", s.Trees)},
	}
	if s.Files != (save.PlanCounts{}) {
		t.Rows = append(t.Rows, row(filesTitle, s.Files))
	}
	t.Write(b)
	for _, fact := range leftOutFacts(s.Timed, s.Unused, s.Foreign) {
		fmt.Fprintf(b, "  left out: %s\n", fact)
	}
	if s.Repack > 0 {
		fmt.Fprintf(b, "  packed anew, as most of their bytes are unused: %s\n", quantity.Counted(s.Repack, "pack"))
	}
	writeTrim(b, s.Trim)
	writeWarnings(b, s.Warnings)
}

func writeWarnings(b *strings.Builder, list []string) {
	for _, w := range list {
		fmt.Fprintf(b, "  warning: %s\n", w)
	}
}
