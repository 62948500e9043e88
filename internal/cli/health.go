package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/health"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
)

const healthLong = `Health gives the cache of a project a score from 0 to 100, and a grade: healthy from
90, warning from 70, else unhealthy. It judges by the last saves that the newest
snapshot remembers, and by how fast the store answers now: share of hits, size against
its bound, times of restore, save and store, losses, refusals, and age. What is not
known is left out. Without any save the grade is unknown.

With a webhook in $GOCACHE_ACTION_WEBHOOK it tells others when the grade changes.`

// healthCommand describes the command line.
func healthCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "health",
		Short:   "Judge a cache, and tell when that changes",
		Long:    healthLong,
		Example: "  gocache health --store 's3://bucket/prefix?region=eu-central-1'\n  gocache health --store 's3://bucket/prefix?region=eu-central-1' --fail-below 70",
		Args:    noArgs,
	}
	return c.add(cmd, config.Health, func(ctx context.Context, r *run, _ []string) error { return healthJob(ctx, r) })
}

// healthOutput is what health prints with --json.
type healthOutput struct {
	ci.Identity
	Store string `json:"store"`
	Key   string `json:"key,omitempty"` // of the snapshot that was found
	Found string `json:"foundScope,omitempty"`
	health.Report
	Before health.Grade `json:"before,omitempty"` // with a webhook: the last grade
	Told   bool         `json:"told"`             // the webhook was told
	outcome
	// outage is why the store does not answer, if a part of the report says so.
	outage error
}

// webhookTime is how long the webhook may take, with all attempts.
const webhookTime = 45 * time.Second

// healthJob runs the command. Its failures are errors, as nobody runs it in a job whose success
// matters more.
func healthJob(ctx context.Context, r *run) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := judge(ctx, r)
	if !r.out.shows() { // the report, which says it otherwise
		err = errors.Join(out.outage, err)
	}
	if err := r.conclude(ctx, out, err); err != nil {
		return err
	}
	if out.outage != nil {
		return failure{code: config.ExitFailed} // the part of the store says why
	}
	if out.Grade != health.Unknown && out.Score < r.cfg.Watch.FailBelow {
		return failure{config.ExitFailed, fmt.Errorf("the score is %d, below %d", out.Score, r.cfg.Watch.FailBelow)}
	}
	return nil
}

// judge returns as much of the result as it got to, also beside an error. A store that does not
// answer is no error but an outage: it has a grade, and the webhook is told of that.
func judge(ctx context.Context, r *run) (*healthOutput, error) {
	out := &healthOutput{Report: health.Report{Grade: health.Unknown}}
	settings, template, err := healthFiles(r.cfg.Watch)
	if err != nil {
		return out, err
	}
	st, err := openStore(ctx, r)
	if err != nil {
		return out, err
	}
	out.Store = st.String()
	p, err := findProject(ctx, r)
	if err != nil {
		return out, err
	}
	out.Identity = p.id
	figures, found, err := readHealth(ctx, r, p, st)
	if err != nil && figures.Store.Failed == "" {
		return out, err
	}
	if found != nil {
		out.Key, out.Found = strings.Join(found.Key, "/"), found.Scope
	}
	out.Report = health.Judge(figures, settings)
	if slices.ContainsFunc(out.Parts, func(p health.Part) bool { return p.Evidence == figures.Store.Failed }) {
		out.outage, err = err, nil
	}
	storeNotes(r.out, st)
	if r.cfg.Watch.Webhook != "" {
		err = errors.Join(err, out.tell(ctx, r, gradeStore(ctx, r, out, st, figures), template))
	}
	return out, err
}

// healthFiles reads the files that the configuration names.
func healthFiles(w config.WatchConfig) (settings health.Settings, template string, err error) {
	settings = health.Defaults()
	if w.File != "" {
		if settings, err = health.Read(w.File); err != nil {
			return settings, "", usage.Errorf("--config: %w", err)
		}
	}
	if w.Template == "" {
		return settings, "", nil
	}
	data, err := os.ReadFile(w.Template)
	if err == nil {
		_, err = health.Notice{}.Body(string(data)) // a mistake shows now, and not when it matters
	}
	if err != nil {
		return settings, "", usage.Errorf("--webhook-template: %w", err)
	}
	return settings, string(data), nil
}

// tell tells the webhook of a new grade, and keeps it then: a grade that nobody could be told is
// told by the next run.
//
// st is where grades are kept, nil if not in a store.
func (o *healthOutput) tell(ctx context.Context, r *run, st store.Store, template string) error {
	keeper, err := gradeKeeper(r, o, st)
	if err != nil {
		return err
	}
	last, err := keeper.Last(ctx)
	if err != nil {
		r.out.warn(fmt.Errorf("%w: it counts as none", err), "")
	}
	if o.Before = last.Grade; o.Grade == health.Unknown && o.Before != "" {
		o.Report = o.Report.Gone()
	}
	if health.IsNews(o.Before, o.Grade) {
		notice := health.Notice{Repository: o.Repo, Name: o.Name, Scope: o.Scope, Before: o.Before, Report: o.Report}
		body, err := notice.Body(template)
		if err != nil {
			return fmt.Errorf("webhook: %w", err)
		}
		end, cancel := context.WithTimeout(ctx, webhookTime)
		defer cancel()
		if err := health.Notify(end, http.DefaultClient, r.cfg.Watch.Webhook, body); err != nil {
			return err
		}
		o.Told = true
	}
	if o.Before == o.Grade || o.Grade == health.Unknown {
		return nil
	}
	return keeper.Keep(ctx, o.Grade, time.Now())
}

// gradeStore is the store, if grades can be kept there: one that answers, and that this job may
// write, as far as that is known without trying.
func gradeStore(ctx context.Context, r *run, o *healthOutput, st store.Store, f health.Figures) store.Store {
	if f.Store.Failed != "" || !health.CanKeep(ctx, st) || r.readOnlyReason(o.Identity) != "" {
		return nil
	}
	return st
}

// gradeKeeper keeps grades in a store, so that it needs no machine that stays; what that does not
// take, and without one all, in a file of this user. So a store that does not answer keeps nothing,
// and whoever needs to be told of outages from changing machines names a webhook that can bear to
// be told twice.
func gradeKeeper(r *run, o *healthOutput, st store.Store) (health.Keeper, error) {
	if file := r.cfg.Watch.GradeFile; file != "" {
		return health.FileKeeper{Path: file}, nil
	}
	file := health.FileKeeper{}
	var err error
	file.Path, err = userCache("health", ci.ShortHash(o.Store, o.Repo, o.Scope, o.Name)+".json")
	if st == nil {
		return file, err
	}
	return health.BothKeeper{Store: health.StoreKeeper{Store: st, Repo: o.Repo, Scope: o.Scope, Name: o.Name}, File: file}, nil
}

// write prints the result for people.
func (o *healthOutput) write(w io.Writer) error {
	if o.Grade == health.Unknown && o.Error != "" {
		return nil // the error says it all
	}
	var b strings.Builder
	if len(o.Parts) > 0 {
		if err := o.Findings().Write(w); err != nil {
			return err
		}
		o.writeParts(&b)
	}
	if len(o.Missing) > 0 {
		fmt.Fprintf(&b, "\nnot known: %s\n", strings.Join(o.Missing, ", "))
	}
	if o.Told {
		fmt.Fprintf(&b, "the webhook was told\n")
	}
	if b.Len() > 0 {
		b.WriteString("\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	if o.Grade == health.Unknown {
		return report.WriteResult(w, report.Doubtful, fmt.Sprintf("unknown: %s has no saves of %s yet", o.Store, o.Name))
	}
	basis := fmt.Sprintf("by the last saves of %s (%d)", o.Name, o.Saves)
	if o.Saves == 0 {
		basis = fmt.Sprintf("without any known save of %s", o.Name)
	}
	return report.WriteResult(w, o.Findings().Worst().Tone(), fmt.Sprintf("%s: %d of 100, %s", o.Grade, o.Score, basis))
}

// writeParts says how the score came about.
func (o *healthOutput) writeParts(b *strings.Builder) {
	t := report.Table{Head: []string{"part", "score", "weight", "cap"}}
	for _, p := range o.Parts {
		t.Rows = append(t.Rows, []string{p.Check, fmt.Sprint(p.Score), fmt.Sprintf("%.0f %%", 100*p.Weight), fmt.Sprint(p.Cap)})
	}
	b.WriteString("\n")
	t.Write(b)
	if o.Cap != nil {
		fmt.Fprintf(b, "%s allows no better score\n", *o.Cap)
	}
}
