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
		"'true' if the snapshot is of the same module files, 'false' if it is an older one, " +
			"empty if there is none",
		StepWhole | StepRestore},
	{OutResult,
		"what came of the restore: 'hit' (the same module files, all of it), 'partial' (an " +
			"older snapshot, or not all of it), 'miss' (there is none) or 'unavailable' (no " +
			"store, or it could not be asked)",
		StepWhole | StepRestore},
	{OutPrimaryKey,
		"the key of these module files",
		jobSteps},
	{OutMatchedKey,
		"the key of the snapshot that was restored, empty if there is none",
		StepWhole | StepRestore},
	{OutMatchedScope,
		"the scope of that snapshot, such as refs/heads/main",
		StepWhole | StepRestore},
	{OutScope,
		"the scope of this job: what it saves, it saves there",
		jobSteps},
	{OutRestoredEntries,
		"how many entries of the build cache were restored",
		StepWhole | StepRestore},
	{OutRestoredModules,
		"how many module versions were restored",
		StepWhole | StepRestore},
	{OutRestoredBytes,
		"bytes that were written to disk",
		StepWhole | StepRestore},
	{OutFetchedBytes,
		"bytes that came from the store",
		StepWhole | StepRestore},
	{OutSaved,
		"'true' if a snapshot was written, 'false' if nothing was new or nothing may be saved",
		StepSave},
	{OutSavedEntries,
		"how many entries of the build cache were uploaded",
		StepSave},
	{OutSavedModules,
		"how many module versions were uploaded",
		StepSave},
	{OutSavedBytes,
		"bytes that were uploaded",
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

// ExitCodes says what they mean, for the help and the reference.
var ExitCodes = []struct {
	Code int
	Help string
}{
	{ExitOK, "done; also when nothing was found, and when the store does not answer or anything " +
		"else goes wrong in restore or save: a warning says so, and the job goes on"},
	{ExitFailed, "restore or save went wrong and --fail-on-error was given, or any other command " +
		"went wrong"},
	{ExitUsage, "wrong usage: an unknown command or flag, a value that makes no sense, an unknown " +
		"kind of store"},
	{ExitMiss, "the store answered and has no snapshot, and --fail-on-miss was given"},
	{ExitInterrupted, "interrupted by a signal: what goes on is cleaned up, within 5 seconds; a second " +
		"signal ends the process at once. proxy lets requests end for 20 seconds, and ends with 0"},
}
