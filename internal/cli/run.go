package cli

import (
	"context"
	"errors"

	"github.com/org/gocache-action/internal/ci"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/report"
)

// A run is one command at work: its configuration, and what it is applied to. Nothing of it changes
// once the command has begun.
type run struct {
	cfg     *config.Config
	env     ci.Env
	out     *console
	version versionInfo
	memory  memoryBudget
	files   uint64 // that may be open; 0: not known
	keys    signing
	end     *ending

	// Of a step of the action: the directory with its notes, "" elsewhere, and how a token is got.
	notes  string
	tokens func(ctx context.Context, audience string) (string, error)
}

// newRun checks a configuration as a whole, and reads the keys that it names.
func newRun(p *process, name string, kind config.Command, cfg *config.Config) (*run, error) {
	p.out.json, p.out.quiet, p.out.debug = cfg.JSON, cfg.Quiet, cfg.Debug
	debugCommand(p, name, kind, cfg)
	keys, err := readKeys(cfg)
	if err := errors.Join(cfg.Check(), err); err != nil {
		return nil, err
	}
	return &run{
		cfg: cfg, env: p.env, out: p.out, version: p.version, memory: p.memory, files: p.files, keys: keys,
		end: &ending{command: name, timeout: cfg.Timeout, failOnError: cfg.FailOnError || kind&(config.Restore|config.Save|config.Run|config.Env) == 0, noSecrets: func() string { return ci.NoSecretsReason(p.env) }, out: p.out, exit: p.exit},
	}, nil
}

// The words of progress for the two directions.
var (
	downloadWords = report.Words{Transfer: "fetch", TransferDone: "fetched", Disk: "unpack", DiskDone: "written"}
	uploadWords   = report.Words{Transfer: "upload", TransferDone: "uploaded", Disk: "read", DiskDone: "read"}
)

// progress starts the display on stderr.
func (r *run) progress(m *report.Meter, words report.Words) *report.Progress {
	r.end.meter.Store(m)
	style := report.StyleFor(r.out.stderr, r.out.quiet || r.out.debug, r.env("TERM") == "dumb" || ci.OnGitHub(r.env))
	return report.Start(r.out.stderr, style, m, words)
}

// readOnlyReason says why a save of this job writes nothing although nobody asked for that; "" if
// it may write. id is the identity that it would save as.
func (r *run) readOnlyReason(id ci.Identity) string {
	switch {
	case r.keys.mayNotSave():
		return "with --trust-key, and without a key to sign with, nobody could restore what it saved"
	case r.cfg.DefaultBranchOnly && id.DefaultScope == "":
		return "with default-branch-only, and it is not known which branch that is"
	case r.cfg.DefaultBranchOnly && id.Scope != id.DefaultScope:
		return "with default-branch-only, only " + id.DefaultScope + " is saved"
	case r.usesActions():
		return ci.ReadOnlyReasonApart(r.env, id)
	}
	return ci.ReadOnlyReason(r.env, id)
}

// How many files are open at most for one transfer: its connection, the files that its two jobs
// write, and those of a large module that several goroutines write; and for everything else:
// streams, locks, a look-up, programs.
const (
	filesOfTransfer = 6
	filesElsewhere  = 24
)

// concurrency is --concurrency, or where that is not given, what the limit of open files allows if
// that is less than usual.
func (r *run) concurrency() int {
	if r.cfg.Concurrency > 0 || r.files == 0 {
		return r.cfg.Concurrency
	}
	return transfersFor(r.files)
}

// transfersFor returns how many transfers fit below a limit of open files; 0: as many as usual.
func transfersFor(files uint64) int {
	if files >= filesElsewhere+16*filesOfTransfer {
		return 0
	}
	return max(1, (int(files)-filesElsewhere)/filesOfTransfer)
}
