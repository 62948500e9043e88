package metrics

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// The operations of a job.
const (
	OpRestore = "restore"
	OpSave    = "save"
)

// Results of a restore: which snapshot it found.
const (
	ResultExact       = "exact"       // of the same module files
	ResultLatest      = "latest"      // of other module files
	ResultNone        = "none"        // the store has none
	ResultUnavailable = "unavailable" // the store, the caches or the settings allowed no answer
)

// Results of a save.
const (
	ResultSaved     = "saved"
	ResultUnchanged = "unchanged" // there was nothing new, or too little
	ResultReadOnly  = "readonly"
	ResultFailed    = "failed"
)

// jobLabels are those of all metrics of jobs.
var jobLabels = []string{"repo", "name"}

func job(name string, t Type, help string, labels ...string) Metric {
	return Metric{Name: "gocache_" + name, Type: t, Help: help, Labels: append(slices.Clip(jobLabels), labels...)}
}

// The metrics of jobs.
var (
	runs        = job("runs_total", Counter, "Restores by what they found (exact, latest, none, unavailable), saves by what they did (saved, unchanged, readonly, failed).", "op", "result")
	phases      = job("phase_seconds_total", Counter, "Time spent, by phase.", "op", "phase")
	transferred = job("transferred_bytes_total", Counter, "Bytes that restores fetched and saves uploaded, by kind of object (module, pack, manifest).", "op", "kind")
	disk        = job("disk_bytes_total", Counter, "Uncompressed bytes that restores wrote and saves read.", "op")
	requests    = job("store_requests_total", Counter, "Requests to the store, by kind.", "op", "kind")
	storeErrors = job("store_errors_total", Counter, "Restores and saves that a failure of the store ended (unreachable, denied, missing, moved, timeout).", "op", "kind")
	entries     = job("entries_total", Counter, "Modules, build entries, packs and files, by what became of them: of a restore restored, present, missing, refused, unwritten; of a save uploaded, stored, trimmed, skipped.", "op", "kind", "result")
	losses      = job("losses_total", Counter, "What should have been restored and was not, by reason (missing, refused, locked, disk).", "kind")
	refused     = job("refused_bytes_total", Counter, "Stored bytes that did not pass verification.")
	trimmed     = job("trimmed_bytes_total", Counter, "Bytes on disk of what saves dropped from the snapshot, by reason (age, size, superseded).", "kind")
	used        = job("used_entries_total", Counter, "Build entries that jobs used, by where they came from: reused from the snapshot, made by the job.", "result")
	hitRatio    = job("hit_ratio", Gauge, "Share of the build entries used by the last job that came from the snapshot, 0 to 1.")
	runSeconds  = job("last_run_duration_seconds", Gauge, "How long the last restore and save took.", "op")
	runTime     = job("last_run_timestamp_seconds", Gauge, "When the last restore and save ended, well or not.", "op")
	restoreTime = job("last_restore_timestamp_seconds", Gauge, "When a restore last found a snapshot.")
	saveTime    = job("last_save_timestamp_seconds", Gauge, "When a save last ended well, also with nothing new to save.")
	stored      = job("snapshot_bytes", Gauge, "Size of the last snapshot: compressed in the store, and on disk its modules and build outputs.", "kind")
	bound       = job("snapshot_limit_bytes", Gauge, "Bound on the size on disk that was given with --max-size.")
	things      = job("snapshot_entries", Gauge, "Modules and build entries in the last snapshot.", "kind")
	score       = job("health_score", Gauge, "What gocache health says of the last saves, 0 to 100.")
)

// Jobs are the metrics of restore and save.
var Jobs = Set{
	Title: "Restores and saves",
	About: "With `--metrics-file` or `--push-gateway`. All have the labels `repo` and `name`: the repository, and\nthe name of the job that is part of the key.",
	Metrics: []Metric{
		runs, phases, transferred, disk, requests, storeErrors, entries, losses, refused, trimmed, used,
		hitRatio, runSeconds, runTime, restoreTime, saveTime, stored, bound, things, score,
	},
}

// A Run is what is told of one restore or save. Its zero values are left out where 0 would say
// something.
type Run struct {
	Op, Repo, Name string
	Result         string
	StoreError     string // kind of the failure that ended it
	Ended          time.Time
	Seconds        float64
	Phases         map[string]float64
	Transferred    map[string]int64 // bytes, by kind
	Disk           int64
	Requests       map[string]int64
	Entries        []Entries
	Losses         map[string]int // by kind
	Refused        int64          // bytes
	Trimmed        map[string]int64
	Reused, Made   int // both 0: not known
	Snapshot       *Snapshot
	Limit          int64    // 0: none
	Health         *float64 // nil: not known
}

// Entries counts what became of modules, build entries, packs or files.
type Entries struct {
	Kind, Result string
	Count        int
}

// Snapshot is the size of one.
type Snapshot struct {
	Stored, ModuleBytes, BuildBytes int64
	Modules, Build                  int
}

// results are those of each operation.
var results = map[string][]string{
	OpRestore: {ResultExact, ResultLatest, ResultNone, ResultUnavailable},
	OpSave:    {ResultSaved, ResultUnchanged, ResultReadOnly, ResultFailed},
}

// Kinds of failures of a store.
const (
	StoreUnreachable = "unreachable"
	StoreDenied      = "denied"
	StoreMissing     = "missing"
	StoreMoved       = "moved"
	StoreTimeout     = "timeout"
)

var storeFailures = []string{StoreUnreachable, StoreDenied, StoreMissing, StoreMoved, StoreTimeout}

// Samples lists the values of a run. Counters of what did not happen are there too, with 0: the
// increase of a counter that begins with its first event misses that one.
func (r Run) Samples() Samples {
	w := &writer{base: []string{r.Repo, r.Name}}
	for _, result := range results[r.Op] {
		w.add(runs, count(result == r.Result), r.Op, result)
	}
	for _, p := range sorted(r.Phases) {
		w.add(phases, max(r.Phases[p], 0), r.Op, strings.ReplaceAll(p, " ", "_"))
	}
	for _, kind := range sorted(r.Transferred) {
		w.add(transferred, float64(r.Transferred[kind]), r.Op, kind)
	}
	w.add(disk, float64(r.Disk), r.Op)
	for _, kind := range sorted(r.Requests) {
		w.add(requests, float64(r.Requests[kind]), r.Op, strings.ToLower(kind))
	}
	for _, kind := range storeFailures {
		w.add(storeErrors, count(kind == r.StoreError), r.Op, kind)
	}
	for _, e := range r.Entries {
		w.add(entries, float64(e.Count), r.Op, e.Kind, e.Result)
	}
	w.add(runSeconds, r.Seconds, r.Op)
	w.add(runTime, stamp(r.Ended), r.Op)
	if r.Op == OpRestore {
		r.addRestore(w)
	} else {
		r.addSave(w)
	}
	return w.list
}

func (r Run) addRestore(w *writer) {
	for _, kind := range []string{"missing", "refused", "locked", "disk"} {
		w.add(losses, float64(r.Losses[kind]), kind)
	}
	w.add(refused, float64(r.Refused))
	if r.Result == ResultExact || r.Result == ResultLatest {
		w.add(restoreTime, stamp(r.Ended))
	}
}

func (r Run) addSave(w *writer) {
	for _, kind := range sorted(r.Trimmed) {
		w.add(trimmed, float64(r.Trimmed[kind]), kind)
	}
	if all := r.Reused + r.Made; all > 0 {
		w.add(used, float64(r.Reused), "reused")
		w.add(used, float64(r.Made), "made")
		w.add(hitRatio, float64(r.Reused)/float64(all))
	}
	if r.Result == ResultSaved || r.Result == ResultUnchanged {
		w.add(saveTime, stamp(r.Ended))
	}
	if s := r.Snapshot; s != nil {
		w.add(stored, float64(s.Stored), "stored")
		w.add(stored, float64(s.ModuleBytes), "modules")
		w.add(stored, float64(s.BuildBytes), "build")
		w.add(things, float64(s.Modules), "modules")
		w.add(things, float64(s.Build), "build")
	}
	if r.Limit > 0 {
		w.add(bound, float64(r.Limit))
	}
	if r.Health != nil {
		w.add(score, *r.Health)
	}
}

// writer collects samples of one job.
type writer struct {
	base []string // values of jobLabels
	list Samples
}

func (w *writer) add(m Metric, value float64, labels ...string) {
	w.list = append(w.list, Sample{m, append(slices.Clip(w.base), labels...), value})
}

func count(happened bool) float64 {
	if happened {
		return 1
	}
	return 0
}

func stamp(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
