package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/procs"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/internal/verify"
	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/trim"
)

const verifyLong = `Verify reads GOMODCACHE and GOCACHE completely, and checks every byte: module trees,
zips and go.mod files against go.sum and the checksum database, outputs of the build
cache against their names. 'go mod verify' trusts what lies beside a zip, and the go
command itself looks at sizes only. It changes nothing, and exits with 1 if anything
is wrong.

With --fix it removes what is broken, and restores it from the store that
$GOCACHE_ACTION_STORE names, if it does; otherwise the go command fetches or compiles
it again.

With --store it verifies a whole store: every object against its hash, and every
snapshot against the packs and modules that it names.`

// verifyCommand describes the command line.
func verifyCommand(c commands) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "verify",
		Short:   "Check every byte of the caches of this machine, or of a store",
		Long:    verifyLong,
		Example: "  gocache verify\n  gocache verify --fix\n  gocache verify --store 's3://bucket/prefix?region=eu-central-1' --resume state",
		Args:    noArgs,
	}
	return c.add(cmd, config.Verify, func(ctx context.Context, r *run, _ []string) error {
		stored := cmd.Flags().Changed("store")
		switch {
		case stored && r.cfg.Fix:
			return usage.Errorf("--fix mends the caches of this machine: name the store that it restores from in $%s", config.Variable("store"))
		case stored:
			return verifyStoreJob(ctx, r)
		case r.cfg.Resume != "":
			return usage.Errorf("--resume goes with --store")
		}
		return verifyJob(ctx, r)
	})
}

// verifyOutput is what verify prints with --json.
type verifyOutput struct {
	ModDir   string `json:"modDir,omitempty"`
	BuildDir string `json:"buildDir,omitempty"`
	*verify.Result
	Status finding.Status `json:"status"`
	// Store is where a restore brought back what was removed; "" without one.
	Store string `json:"store,omitempty"`
	outcome
	st    store.Store
	fixed bool
}

// verifyJob verifies the caches, and mends them with --fix.
func verifyJob(ctx context.Context, r *run) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := runVerify(ctx, r)
	if usage.Is(err) && !out.fixed {
		return err
	}
	if out.st != nil {
		storeNotes(r.out, out.st)
	}
	if out.Result != nil {
		out.Status = out.Worst()
	}
	if printErr := r.print(out, err); printErr != nil {
		return printErr
	}
	if out.Result != nil {
		warnFindings(r.out, out.findings())
	}
	if err == nil {
		return unlessFailed(out.Status)
	}
	return r.end.finish(ctx, err)
}

var verifyWords = report.Words{Transfer: "fetch", TransferDone: "fetched", Disk: "verify", DiskDone: "verified"}

// runVerify returns as much of the result as it got to, also beside an error.
func runVerify(ctx context.Context, r *run) (*verifyOutput, error) {
	out := new(verifyOutput)
	p, err := findProject(ctx, r)
	if err != nil {
		return out, err
	}
	out.ModDir, out.BuildDir = p.modDir, p.buildDir
	if !r.cfg.NoModules && out.ModDir == "" && p.key.Vendor {
		out.ModDir = p.usable("GOMODCACHE", p.env.GOMODCACHE) // other projects use what is there
	}
	r.out.warnings(p.key.Notes)
	if r.cfg.Fix && r.cfg.Store != "" {
		// before anything is removed, in case there is no such store
		if out.st, err = openStore(ctx, r); err != nil {
			return out, err
		}
	}
	o := verifyOptions(r, p, out)
	show := r.progress(o.Meter, verifyWords)
	defer show.Stop()
	if out.Result, err = verify.Run(ctx, o); err != nil || !r.cfg.Fix || out.Worst() != finding.Fail {
		return out, err
	}
	out.fixed = true
	err = verify.Fix(ctx, o, out.Result)
	if !errors.Is(err, trim.ErrBusy) && !errors.Is(err, errUnseen) && ctx.Err() == nil {
		err = errors.Join(err, restoreBroken(ctx, r, p, out))
	}
	return out, errors.Join(err, verify.Recheck(ctx, o, out.Result))
}

// verifyOptions turns a configuration into options of package verify.
func verifyOptions(r *run, p *project, out *verifyOutput) verify.Options {
	db := p.env.sumDBOptions()
	db.Offline = r.cfg.CheckSumDB == config.SumDBOff
	o := verify.Options{
		ModDir: out.ModDir, BuildDir: out.BuildDir, Sums: p.key.Sums, ModWritable: p.env.modWritable(),
		DB: checksumdb.New(db), Always: r.cfg.CheckSumDB == config.SumDBAlways,
		Meter: new(report.Meter),
	}
	if !r.cfg.Force {
		o.Idle = noGoCommands
	}
	return o
}

// noGoCommands returns an error while go commands run.
func noGoCommands() error {
	running, err := goCommands()
	if err != nil {
		return fmt.Errorf("looking for go commands: %w", err)
	}
	return mayFix(running, procs.Unseen())
}

// errUnseen means that go commands may run that are not seen.
var errUnseen = errors.New("go commands may be running that are not seen")

// mayFix returns an error if go commands run, or may run: unseen says why, else it is "". What trim
// does instead, to spare what was used lately, would spare what is broken.
func mayFix(running []string, unseen string) error {
	switch {
	case len(running) > 0:
		return fmt.Errorf("nothing more is removed: %w: %s", trim.ErrBusy, running[0])
	case unseen != "":
		return fmt.Errorf("nothing is removed: %w: %s", errUnseen, unseen)
	}
	return nil
}

// restoreBroken restores what is missing from the store that the environment names, if it does.
func restoreBroken(ctx context.Context, r *run, p *project, out *verifyOutput) error {
	if out.st == nil {
		return nil
	}
	out.Store = out.st.String()
	_, err := restore.Run(ctx, restoreOptions(r, p, out.st, new(report.Meter)))
	return err
}

// write prints the result for people.
func (o verifyOutput) write(w io.Writer) error {
	if o.Result == nil {
		return nil // the error says it all
	}
	if err := writeFindings(w, o.findings()); err != nil {
		return err
	}
	s := report.Summary{Result: o.title(), Tone: o.Status.Tone(), Facts: [][2]string{
		{"read", fmt.Sprintf("%s in %s (%s/s)", quantity.Bytes(o.Bytes), seconds(o.Seconds), quantity.Bytes(int64(float64(o.Bytes)/max(o.Seconds, 1e-3))))},
	}}
	s.Counts.Head = []string{"", "checked", "proved", "consistent, not proved", "not proved", "wrong"}
	if o.unread() {
		s.Counts.Head = append(s.Counts.Head, "not read")
	}
	for _, k := range verify.Kinds {
		if c := o.Checked[k]; c.Objects > 0 {
			row := []string{kindTitles[k], quantity.Count(c.Objects), quantity.Count(c.Proved), quantity.Count(c.Consistent), quantity.Count(c.Unproved), quantity.Count(c.Wrong), quantity.Count(c.Unread)}
			s.Counts.Rows = append(s.Counts.Rows, row[:len(s.Counts.Head)])
		}
	}
	if n := o.NoOutput; n > 0 {
		s.Facts = append(s.Facts, [2]string{"entries", quantity.Count(n) + " of outputs that the go command has removed"})
	}
	if o.Store != "" {
		s.Facts = append(s.Facts, [2]string{"restored from", o.Store})
	}
	return s.Write(w)
}

var kindTitles = map[verify.Kind]string{
	verify.Tree: "module trees", verify.Zip: "zips", verify.ZipHash: ".ziphash files", verify.GoMod: "go.mod files",
	verify.Info: ".info files", verify.Entry: "build entries", verify.Output: "outputs",
}

// unread reports whether something could not be read.
func (o verifyOutput) unread() bool {
	for _, c := range o.Checked {
		if c.Unread > 0 {
			return true
		}
	}
	return false
}

func (o verifyOutput) title() string {
	n := map[finding.Status]int{}
	fixed := 0
	for _, f := range o.Faults {
		if f.Fixed != "" {
			fixed++
		} else {
			n[f.Status]++
		}
	}
	switch {
	case n[finding.Fail] > 0 && fixed > 0:
		return fmt.Sprintf("%s wrong, %s fixed", quantity.Count(n[finding.Fail]), quantity.Count(fixed))
	case n[finding.Fail] > 0:
		return quantity.Count(n[finding.Fail]) + " wrong"
	case o.Error != "":
		return "not verified to the end"
	case fixed > 0:
		return quantity.Count(fixed) + " fixed"
	case o.unread():
		return "nothing harmful found in what could be read"
	case n[finding.Warn] > 0:
		return "nothing harmful found"
	}
	return "all is as it should be"
}

// findings are what people read, the worst first; the remedy stands once, at the last that it
// mends.
func (o verifyOutput) findings() (list finding.Findings) {
	last := -1
	for _, f := range o.Faults {
		one := finding.Finding{Check: string(f.Kind), Status: f.Status, Evidence: f.Name + ": " + f.Evidence}
		switch {
		case f.Fixed != "":
			one.Status = finding.OK
			one.Evidence += "; " + f.Fixed
		case f.Fixable() && !o.fixed:
			last = len(list)
		}
		list = append(list, one)
	}
	if last >= 0 {
		list[last].Remedy = finding.Run("gocache verify --fix")
	}
	if o.Stopped != "" {
		list = append(list, finding.Finding{Check: "proof", Status: finding.Warn, Evidence: o.Stopped, Remedy: finding.Run("gocache doctor")})
	}
	if n := len(o.Unproved); n > 0 {
		list = append(list, finding.Finding{
			Check: "proof", Status: finding.Warn,
			Evidence: fmt.Sprintf("not proved: %s, such as %s: %s", quantity.Counted(n, "module version"), o.Unproved[0].Module, o.Unproved[0].Reason),
			Remedy:   finding.Advise("gocache verify --dir PROJECT, of a project whose go.sum names them"),
		})
	}
	return list
}

// shownAlike is how many findings of one kind are printed: a full disk damages thousands of files
// in the same way. --json has all.
const shownAlike = 3

// writeFindings prints the first findings of each kind, and how many there are beside these.
func writeFindings(w io.Writer, list finding.Findings) error {
	if len(list) == 0 {
		return nil
	}
	shown := list.Abridged(shownAlike)
	if err := shown.Write(w); err != nil {
		return err
	}
	more := "\n"
	if len(shown) < len(list) {
		more = "all of them: --json\n\n"
	}
	_, err := io.WriteString(w, more)
	return err
}
