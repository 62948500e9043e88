package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/listing"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/usage"
)

const lsLong = `Ls lists the snapshots of a store: the key, the scope, how much they hold, and when
they were saved and used last. It shows those of --repo, which is the repository of the
job or of the working directory, or of all repositories with --all-repos or where none
is known.

A job that uses a snapshot writes it at least once a day, unless it only restores. When
a snapshot was restored last, only the cache of GitHub tells (--store actions, with
$GITHUB_TOKEN).`

// lsCommand describes the command line.
func lsCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "ls",
		Short:   "List the snapshots of a store",
		Long:    lsLong,
		Example: "  gocache ls --store 's3://bucket/prefix?region=eu-central-1' --scope refs/heads/main --sort size",
		Args:    noArgs,
	}
	return c.add(cmd, config.List, func(ctx context.Context, r *run, _ []string) error { return lsJob(ctx, r) })
}

// lsOutput is what ls prints with --json.
type lsOutput struct {
	Store string `json:"store"`
	Repo  string `json:"repo,omitempty"` // "": all
	*listing.Result
	now time.Time
}

func lsJob(ctx context.Context, r *run) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := runLs(ctx, r)
	if usage.Is(err) {
		return err
	}
	if err == nil {
		err = r.out.result(out, out.write)
	}
	return r.end.finish(ctx, err)
}

func runLs(ctx context.Context, r *run) (*lsOutput, error) {
	l, err := openLook(ctx, r)
	if err != nil {
		return nil, err
	}
	found, err := l.list(ctx, r, l.filter)
	if err != nil {
		return nil, err
	}
	if len(found.Snapshots) == 0 && (r.cfg.Scope != "" || r.cfg.Look.Name != "") {
		return nil, l.nothingNamed(ctx, r)
	}
	listing.Sort(found.Snapshots, listing.Order(r.cfg.Look.Sort))
	return &lsOutput{Store: l.name, Repo: l.filter.Repo, Result: found, now: time.Now()}, nil
}

// write prints the list for people.
func (o *lsOutput) write(w io.Writer) error {
	of := ""
	if o.Repo != "" {
		of = " of " + o.Repo
	}
	if len(o.Snapshots) == 0 {
		_, err := fmt.Fprintf(w, "%s: there are no snapshots%s\n", o.Store, of)
		return err
	}
	if err := o.table().Write(w); err != nil {
		return err
	}
	more := ""
	if o.More > 0 {
		more = fmt.Sprintf(", the last written; %s more fit: name a scope or a name", quantity.Count(o.More))
	}
	if _, err := fmt.Fprintf(w, "\n%s: %s%s%s\n", o.Store, quantity.Counted(len(o.Snapshots), "snapshot"), of, more); err != nil {
		return err
	}
	for _, s := range o.Snapshots {
		if s.Problem == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s cannot be read: %s\n", s.ID, s.Problem); err != nil {
			return err
		}
	}
	return nil
}

// table has a row for each snapshot.
func (o *lsOutput) table() report.Table {
	t := report.Table{Words: 2, Remarks: o.Repo == "", Head: []string{"id", "key", "scope", "size", "entries", "modules", "saved", "read"}}
	if o.Repo == "" {
		t.Head = append(t.Head, "repository")
	}
	for _, s := range o.Snapshots {
		key := s.Readable
		if s.Latest {
			key += " (latest)"
		}
		row := []string{s.ID, key, s.Scope, known(s, quantity.Bytes(s.Stored)), known(s, quantity.Count(s.Actions)), known(s, quantity.Count(s.Modules)), o.ago(savedAt(s)), o.ago(s.Read)}
		if o.Repo == "" {
			row = append(row, s.Repo)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// savedAt is when a snapshot was saved, by its own word or by that of the store.
func savedAt(s listing.Snapshot) time.Time {
	if s.Saved.IsZero() {
		return s.Written
	}
	return s.Saved
}

// unknown stands for what nobody could tell.
const unknown = "-"

// known is what the manifest says, if it could be read.
func known(s listing.Snapshot, text string) string {
	if len(s.Key) == 0 {
		return unknown
	}
	return text
}

func (o *lsOutput) ago(at time.Time) string {
	if at.IsZero() {
		return unknown
	}
	return quantity.Ago(at, o.now)
}
