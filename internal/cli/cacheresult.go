package cli

// What came of a restore, in a word. A miss is usual in a new branch, a store that does not answer
// is somebody's business, and who reads the outputs of the action has to tell them apart.
const (
	resultHit     = "hit"     // the snapshot of the same module files, whole
	resultPartial = "partial" // another snapshot, or not all of it
	resultMiss    = "miss"    // the store was asked, and has none
	// the store, the caches or the settings did not allow an answer
	resultUnavailable = "unavailable"
)

// cacheResult says it of a restore, which may be nil when it never came to one.
func cacheResult(r *restoreOutput) string {
	switch {
	case r == nil || r.Result == nil || r.Matched == nil && r.Error != "":
		return resultUnavailable
	case r.Matched == nil:
		return resultMiss
	case r.Matched.Exact && !r.partial && len(r.Losses) == 0:
		return resultHit
	}
	return resultPartial
}
