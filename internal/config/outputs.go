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

// ExitCodes says what they mean, for the help and the reference.
var ExitCodes = []struct {
	Code int
	Help string
}{
	{ExitOK, "success, also after a miss; also after an error in restore or save, such as a " +
		"store that does not answer: it is a warning, and the job goes on"},
	{ExitFailed, "restore or save failed and --fail-on-error was given, or any other command " +
		"failed"},
	{ExitUsage, "wrong usage: an unknown command or flag, an invalid value, an unknown kind of " +
		"store"},
	{ExitMiss, "the store answered and has no snapshot, and --fail-on-miss was given"},
	{ExitInterrupted, "interrupted by a signal: the command cleans up and ends within 5 " +
		"seconds; a second signal ends it at once. proxy finishes requests for up to 20 seconds " +
		"and ends with 0"},
}
