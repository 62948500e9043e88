package cli

// The result of a restore in a word, for the outputs of the action. A miss is usual on a new
// branch; a store that does not answer is a problem that somebody has to look at. So they have
// different words.
const (
	resultHit     = "hit"     // the snapshot of the same module files, whole
	resultPartial = "partial" // another snapshot, or not all of it
	resultMiss    = "miss"    // the store was asked, and has none
	// the store, the caches or the settings did not allow an answer
	resultUnavailable = "unavailable"
)

// cacheResult finds the word for a restore. The restore may be nil: it never began.
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
