package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/save"
)

// flags holds the values of all flags. A command registers those groups that mean
// something to it; only one command runs in a process, so they share one place.
type flags struct {
	dir, state          string
	stateDefault        string // where --state is, if it is not given
	store               string
	identity            identity // without Commit and Run
	noModules, noBuild  bool
	zips, verify        choice
	checkSumDB          choice
	fuzz                bool
	stableMtimes        bool
	noToolchains        bool
	goSum               patterns
	paths               paths
	maxAge              duration
	maxSize             size
	maxSizeModules      size
	maxSizeBuild        size
	repackBudget        size
	jobStatus           choice
	readOnly            bool
	keepToolchains      bool
	dryRun, force       bool
	lookupOnly          bool
	partSize            size
	concurrency         number
	timeout, stall      duration
	role                roleFlags
	keeping             keepingFlags
	failError, failMiss bool
	signing             signing
	summary             string
}

// Defaults. Zips are left out because rebuilding them writes each module a second time (measured: 8
// % of the time of a restore on a fast disk, and as much disk space as the trees), while of all go
// commands only `go mod download` misses them. The age is that of what a weekly job needs, when it
// runs only after the next save of others: 7 days, and as many for a run that is late or failed; 2
// of them may be lost to a recorded use that is a day old and to clocks that are a day apart.
const (
	defaultZips    = "omit"
	defaultMaxAge  = 14 * 24 * time.Hour
	defaultTimeout = 10 * time.Minute
)

var (
	zipsChoices   = []string{"rebuild", "omit"}
	verifyChoices = []string{"packs", "outputs"}
	sseChoices    = []string{s3.SSES3, s3.SSEKMS, s3.SSEKMSDual}
	sumDBChoices  = []string{"auto", "always", "off"}
)

// project registers what says which project, and whose snapshot, is meant.
func (f *flags) project(fs *pflag.FlagSet) {
	fs.StringVar(&f.dir, "dir", ".", "directory of the project")
	fs.StringVar(&f.identity.Name, "name", "", "name of the job, part of the key (default: from CI, else \"default\")")
	fs.StringVar(&f.identity.Repo, "repo", "", "repository, such as github.com/org/name (default: from CI or git)")
	fs.StringVar(&f.identity.Scope, "scope", "", "ref that the snapshot belongs to, such as refs/heads/main (default: from CI or git)")
	fs.StringVar(&f.identity.BaseScope, "base-scope", "", "second ref to look in: the base of a pull request (default: from CI)")
	fs.StringVar(&f.identity.DefaultScope, "default-scope", "", "last ref to look in: the default branch (default: from CI or git)")
	fs.Var(&f.goSum, "go-sum", "module files that the key is made of, relative to the project, such as go.sum,tools/**/go.sum (default: all that say what is built)")
	fs.Var(&f.paths, "path", "another directory to restore and save, such as ~/.cache/golangci-lint; repeated or with commas")
	fs.BoolVar(&f.noModules, "no-modules", false, "leave GOMODCACHE alone")
	fs.BoolVar(&f.noToolchains, "no-toolchains", false, "leave downloaded Go toolchains alone")
	fs.BoolVar(&f.noBuild, "no-build", false, "leave GOCACHE alone")
	fs.BoolVar(&f.fuzz, "fuzz", false, "include the corpus that fuzzing found")
}

const storeUsage = "s3://bucket/prefix?region=R&endpoint=URL&path-style=true, file:///dir, the path of a directory, or https://host/prefix for reading only (default: a directory in the user's cache)"

// transfer registers the store and how to talk to it.
func (f *flags) transfer(fs *pflag.FlagSet) {
	fs.StringVar(&f.store, "store", "", storeUsage)
	fs.StringVar(&f.state, "state", "", "file in which restore leaves notes for save (default: one for each project in the user's cache)")
	fs.Var(&f.partSize, "part-size", "bytes of one ranged read or part of an upload; 0: as measured to be best")
	fs.Var(&f.concurrency, "concurrency", "objects and parts in transfer at once; 0: as measured to be best")
	f.timeout, f.stall = duration(defaultTimeout), duration(s3.DefaultStallTimeout)
	fs.Var(&f.timeout, "timeout", "end after this time, whatever is left to do; 0: never")
	fs.Var(&f.stall, "stall-timeout", "give up on a connection on which nothing moves")
	f.signing.trusting(fs)
	f.role.register(fs)
	f.keeping.register(fs)
}

// restore registers what only a restore has to know.
func (f *flags) restore(fs *pflag.FlagSet) {
	f.zips = choice{value: defaultZips, allowed: zipsChoices}
	fs.Var(&f.zips, "zips", "rebuild the zip of each module, for 'go mod download' offline, or omit it")
	f.verify = choice{value: "packs", allowed: verifyChoices}
	fs.Var(&f.verify, "verify", "what of the build cache is hashed: packs against the snapshot, or also all outputs, those that are here included, against their names")
	f.checkSumDB = choice{value: "auto", allowed: sumDBChoices}
	fs.Var(&f.checkSumDB, "check-sumdb", "ask the checksum database about modules that are not in go.sum, such as tools and toolchains: auto if no trusted key has signed the snapshot, and with a warning where it does not answer; always; or off")
	fs.BoolVar(&f.lookupOnly, "lookup-only", false, "look for the snapshot, say which there is, and restore nothing")
	fs.BoolVar(&f.stableMtimes, "stable-mtimes", false, "give tracked files times that depend on their content only, for test results to survive a checkout")
}

// retention registers how much is kept.
func (f *flags) retention(fs *pflag.FlagSet) {
	f.maxAge = duration(defaultMaxAge)
	fs.Var(&f.maxAge, "max-age", "drop what was not used for longer; 0: never")
	fs.Var(&f.maxSize, "max-size", "drop what was not used for longest above this size on disk; 0: no bound")
	fs.Var(&f.maxSizeModules, "max-size-modules", "the same for modules alone")
	fs.Var(&f.maxSizeBuild, "max-size-build", "the same for build outputs alone")
}

// trimming registers the flags of trim.
func (f *flags) trimming(fs *pflag.FlagSet) {
	f.retention(fs)
	fs.StringVar(&f.dir, "dir", ".", "directory in which the go command is asked for its caches")
	fs.BoolVar(&f.keepToolchains, "keep-toolchains", false, "keep downloaded Go toolchains, whatever their use and size")
	fs.BoolVar(&f.dryRun, "dry-run", false, "say what would be removed, and remove nothing")
	fs.BoolVar(&f.force, "force", false, "do not look for running go commands")
	fs.BoolVar(&f.noModules, "no-modules", false, "leave GOMODCACHE alone")
	fs.BoolVar(&f.noBuild, "no-build", false, "leave GOCACHE alone")
}

// save registers what only a save has to know.
func (f *flags) save(fs *pflag.FlagSet) {
	f.retention(fs)
	f.repackBudget = save.DefaultRepackBudget
	fs.Var(&f.repackBudget, "repack-budget", "bytes that are packed anew at most because most of their packs is no longer used; 0: none")
	f.jobStatus = choice{allowed: jobStatuses, aliases: gitlabStatuses}
	fs.Var(&f.jobStatus, "job-status", "how the job ended: unless with success, what it made is added and nothing is dropped (default: from CI, else success)")
	fs.BoolVar(&f.readOnly, "read-only", false, "write nothing to the store")
	f.signing.signs(fs)
}

// failOnError is not for plan and try: people look at those, and there an error is one.
func (f *flags) failOnError(fs *pflag.FlagSet) {
	fs.BoolVar(&f.failError, "fail-on-error", false, "exit with 1 when something goes wrong, instead of a warning")
}

// failOnMiss is for jobs that make no sense without a warm cache.
func (f *flags) failOnMiss(fs *pflag.FlagSet) {
	fs.BoolVar(&f.failMiss, "fail-on-miss", false, "exit with 3 when the store has no snapshot; an outage is the business of --fail-on-error")
}

// complete tells shells what the flags of a command take.
func complete(cmd *cobra.Command) {
	cmd.MarkFlagDirname("dir")
	if cmd.Flags().Lookup("job-status") != nil {
		cmd.RegisterFlagCompletionFunc("job-status", cobra.FixedCompletions(jobStatuses, cobra.ShellCompDirectiveNoFileComp))
	}
	if cmd.Flags().Lookup("verify") != nil {
		cmd.RegisterFlagCompletionFunc("verify", cobra.FixedCompletions(verifyChoices, cobra.ShellCompDirectiveNoFileComp))
	}
	if cmd.Flags().Lookup("sse") != nil {
		cmd.RegisterFlagCompletionFunc("sse", cobra.FixedCompletions(sseChoices, cobra.ShellCompDirectiveNoFileComp))
	}
	if cmd.Flags().Lookup("check-sumdb") != nil {
		cmd.RegisterFlagCompletionFunc("check-sumdb", cobra.FixedCompletions(sumDBChoices, cobra.ShellCompDirectiveNoFileComp))
	}
	if cmd.Flags().Lookup("zips") != nil {
		cmd.RegisterFlagCompletionFunc("zips", cobra.FixedCompletions(zipsChoices, cobra.ShellCompDirectiveNoFileComp))
	}
}

// check refuses values that no flag type refuses by itself.
func (f *flags) check() error {
	switch {
	case f.stall < duration(time.Second):
		return usage("invalid value %s for --stall-timeout: want 1s or more", &f.stall)
	case f.partSize > 1<<30: // buffers of this size are held while uploading
		return usage("invalid value %s for --part-size: want 1GiB or less", &f.partSize)
	}
	return errors.Join(f.signing.parse(), f.role.check())
}
