package config

// An Output is what later steps of a workflow can read of a step.
type Output struct {
	Name, Help string
	Steps      Step
}

// Names of outputs.
const (
	OutHit             = "cache-hit"
	OutResult          = "cache-result"
	OutPrimaryKey      = "cache-primary-key"
	OutMatchedKey      = "cache-matched-key"
	OutMatchedScope    = "matched-scope"
	OutScope           = "scope"
	OutRestoredEntries = "restored-entries"
	OutRestoredModules = "restored-modules"
	OutRestoredBytes   = "restored-bytes"
	OutFetchedBytes    = "fetched-bytes"
	OutSaved           = "saved"
	OutSavedEntries    = "saved-entries"
	OutSavedModules    = "saved-modules"
	OutSavedBytes      = "saved-bytes"
	OutStoredBytes     = "stored-bytes"
)

// Outputs lists them in the order of the documentation.
var Outputs = []Output{
	{OutHit,
		"'true' if the snapshot has the same module files, 'false' if it is an older one, empty " +
			"if there is none",
		StepWhole | StepRestore},
	{OutResult,
		"result of the restore: 'hit' (same module files, everything restored), 'partial' (an " +
			"older snapshot, or not everything restored), 'miss' (no snapshot) or 'unavailable' " +
			"(no store, or it did not answer)",
		StepWhole | StepRestore},
	{OutPrimaryKey,
		"key of the job's module files",
		jobSteps},
	{OutMatchedKey,
		"key of the restored snapshot, empty if there is none",
		StepWhole | StepRestore},
	{OutMatchedScope,
		"scope of the restored snapshot, such as refs/heads/main",
		StepWhole | StepRestore},
	{OutScope,
		"scope of this job, to which it saves",
		jobSteps},
	{OutRestoredEntries,
		"number of build cache entries restored",
		StepWhole | StepRestore},
	{OutRestoredModules,
		"number of module versions restored",
		StepWhole | StepRestore},
	{OutRestoredBytes,
		"bytes written to disk",
		StepWhole | StepRestore},
	{OutFetchedBytes,
		"bytes fetched from the store",
		StepWhole | StepRestore},
	{OutSaved,
		"'true' if a snapshot was written, 'false' if nothing was new or the job may not save",
		StepSave},
	{OutSavedEntries,
		"number of build cache entries uploaded",
		StepSave},
	{OutSavedModules,
		"number of module versions uploaded",
		StepSave},
	{OutSavedBytes,
		"bytes uploaded",
		StepSave},
	{OutStoredBytes,
		"bytes of the whole snapshot in the store",
		StepSave},
}

// Exit codes of the command.
const (
	ExitOK          = 0
	ExitFailed      = 1
	ExitUsage       = 2
	ExitMiss        = 3
	ExitInterrupted = 130 // as shells report SIGINT
)

// An ExitCode is what an exit code means for some commands.
type ExitCode struct {
	Code     int
	Commands Command
	Help     string
}

// serving are the commands of the module proxy.
const serving = Proxy | Prefetch | Refresh | Bundle

// ExitCodes says what they mean, for the help and the reference.
var ExitCodes = []ExitCode{
	{ExitOK, all &^ serving, "success, also after a miss; also after an error in restore or save, " +
		"such as a store that does not answer: it is a warning, and the job goes on"},
	{ExitOK, Proxy, "ended by a signal, after requests that had begun got up to 20 seconds"},
	{ExitOK, Prefetch, "the store has every module that was named, whole and verified"},
	{ExitOK, Refresh, "each proxy has asked for the versions of each module anew"},
	{ExitOK, Bundle, "export: FILE has every module that go.sum names; import: the store has them"},
	{ExitFailed, all &^ serving, "restore or save failed and --fail-on-error was given, or any " +
		"other command failed"},
	{ExitFailed, Proxy, "it could not start, for example because the address is in use"},
	{ExitFailed, Prefetch, "some modules are not in the store: they are named, and the others are " +
		"there; or the store could not be opened"},
	{ExitFailed, Refresh, "a proxy did not answer, refused, or could not ask its upstream: it is " +
		"named, and the others were asked"},
	{ExitFailed, Bundle, "export: a module could not be had, and FILE is not written; import: FILE " +
		"lacks a module of go.sum, or has another one under its name, or the store failed; what was " +
		"stored until then is right"},
	{ExitUsage, all, "wrong usage: an unknown command or flag, an invalid value, an unknown kind of " +
		"store"},
	{ExitMiss, Restore | Run, "the store answered and has no snapshot, and --fail-on-miss was given"},
	{ExitInterrupted, all &^ Proxy, "interrupted by a signal: the command cleans up and ends within " +
		"5 seconds; a second signal ends it at once"},
}

// ExitCodesOf returns those of a command.
func ExitCodesOf(c Command) (list []ExitCode) {
	for _, e := range ExitCodes {
		if e.Commands&c != 0 {
			list = append(list, e)
		}
	}
	return list
}
