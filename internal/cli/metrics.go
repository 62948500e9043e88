package cli

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/metrics"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
)

// metricsTime is how long a job waits for the gateway.
const metricsTime = 10 * time.Second

// tellRestore and tellSave write the figures of a command to where the configuration wants them. A
// failure is a warning, whatever the configuration says of errors: the job does not depend on it.
func tellRestore(ctx context.Context, r *run, out *restoreOutput) {
	if out != nil && !out.LookupOnly {
		tellMetrics(ctx, r, func() metrics.Run { return restoreRun(out, time.Now()) })
	}
}

func tellSave(ctx context.Context, r *run, out *saveOutput) {
	if out != nil {
		tellMetrics(ctx, r, func() metrics.Run { return saveRun(r, out, time.Now()) })
	}
}

func tellMetrics(ctx context.Context, r *run, figures func() metrics.Run) {
	file, gateway := r.cfg.Watch.MetricsFile, r.cfg.Watch.PushGateway
	if file == "" && gateway == "" {
		return
	}
	run := figures()
	if run.Repo == "" || run.Name == "" { // it failed before that was found out
		id := knownIdentity(ctx, r)
		run.Repo, run.Name = id.Repo, id.Name
	}
	// There is time for the file even after a signal.
	if file != "" {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanAfterSignal)
		if err := metrics.WriteFile(end, file, run); err != nil {
			r.out.warn(err, metricsHint(err))
		}
		cancel()
	}
	// A gateway keeps what it gets until somebody removes it, also under a name that no job has.
	if gateway != "" && run.Repo != "" && run.Name != "" && ctx.Err() == nil {
		end, cancel := context.WithTimeout(ctx, metricsTime)
		if err := metrics.Push(end, http.DefaultClient, gateway, run); err != nil {
			r.out.warn(err, "")
		}
		cancel()
	}
}

func metricsHint(err error) string {
	if errors.Is(err, metrics.ErrForeign) {
		return "name another file in --metrics-file, or remove this one"
	}
	return ""
}

// restoreRun is what metrics say about a restore.
func restoreRun(o *restoreOutput, now time.Time) metrics.Run {
	run := jobRun(metrics.OpRestore, o.Identity, o.cause, now)
	run.Result = restoreResult(o)
	r := o.Result
	if r == nil {
		return run
	}
	run.Seconds, run.Phases, run.Transferred, run.Disk, run.Requests = r.Seconds, r.Phases, r.Transferred, r.BytesWritten, r.Requests
	run.Refused, run.Losses = r.RefusedBytes, map[string]int{}
	for _, l := range r.Losses {
		run.Losses[l.Kind]++
	}
	for _, k := range []struct {
		kind string
		restore.Counts
	}{{"modules", r.Modules}, {"build", r.Build}, {"packs", r.Packs}, {"files", r.Files}} {
		run.Entries = append(run.Entries,
			metrics.Entries{Kind: k.kind, Result: "restored", Count: k.Restored}, metrics.Entries{Kind: k.kind, Result: "present", Count: k.Present},
			metrics.Entries{Kind: k.kind, Result: "missing", Count: k.Missing}, metrics.Entries{Kind: k.kind, Result: "refused", Count: k.Refused},
			metrics.Entries{Kind: k.kind, Result: "unwritten", Count: k.Unwritten})
	}
	return run
}

func restoreResult(o *restoreOutput) string {
	switch {
	case cacheResult(o) == resultUnavailable:
		return metrics.ResultUnavailable
	case o.Matched == nil:
		return metrics.ResultNone
	case o.Matched.Exact:
		return metrics.ResultExact
	}
	return metrics.ResultLatest
}

// saveRun is what metrics say about a save.
func saveRun(r *run, o *saveOutput, now time.Time) metrics.Run {
	run := jobRun(metrics.OpSave, o.Identity, o.cause, now)
	run.Result = saveResult(o)
	s := o.Result
	if s == nil {
		return run
	}
	run.Seconds, run.Phases, run.Transferred, run.Disk, run.Requests = s.Seconds, s.Phases, s.Transferred, s.BytesRead, s.Requests
	run.Trimmed = map[string]int64{"age": s.Trim.Age.Bytes, "size": s.Trim.Size.Bytes, "superseded": s.Trim.Programs.Bytes}
	if u := s.Reuse; u != nil {
		run.Reused, run.Made = u.Reused, u.Made
	}
	if a := s.After; a != nil {
		run.Snapshot = &metrics.Snapshot{Stored: a.Stored, ModuleBytes: a.ModuleBytes, BuildBytes: a.BuildBytes, Modules: a.Modules, Build: a.Actions}
	}
	run.Limit = r.cfg.MaxSize.All
	if rep := saveHealth(r.cfg, s, now); rep != nil {
		score := float64(rep.Score)
		run.Health = &score
	}
	for _, k := range []struct {
		kind string
		save.Counts
	}{{"modules", s.Modules}, {"build", s.Build}, {"packs", s.Packs}, {"files", s.Files}} {
		run.Entries = append(run.Entries,
			metrics.Entries{Kind: k.kind, Result: "uploaded", Count: k.Uploaded}, metrics.Entries{Kind: k.kind, Result: "stored", Count: k.Stored},
			metrics.Entries{Kind: k.kind, Result: "trimmed", Count: k.Trimmed}, metrics.Entries{Kind: k.kind, Result: "skipped", Count: k.Skipped})
	}
	return run
}

func saveResult(o *saveOutput) string {
	switch s := o.Result; {
	case o.cause != nil || s == nil:
		return metrics.ResultFailed
	case s.ReadOnly:
		return metrics.ResultReadOnly
	case s.Written:
		return metrics.ResultSaved
	}
	return metrics.ResultUnchanged
}

func jobRun(op string, id ci.Identity, cause error, now time.Time) metrics.Run {
	return metrics.Run{Op: op, Repo: id.Repo, Name: id.Name, Ended: now, StoreError: storeErrorKind(cause)}
}

// storeErrorKind names the failure of a store that ended a command; "" for any other end.
func storeErrorKind(err error) string {
	for _, k := range []struct {
		is   error
		kind string
	}{
		{store.ErrDenied, metrics.StoreDenied}, {store.ErrNoStore, metrics.StoreMissing}, {store.ErrMoved, metrics.StoreMoved}, {store.ErrUnreachable, metrics.StoreUnreachable},
		{context.DeadlineExceeded, metrics.StoreTimeout},
	} {
		if errors.Is(err, k.is) {
			return k.kind
		}
	}
	return ""
}
