package ghaction

import (
	"strconv"

	"github.com/org/gocache-action/internal/config"
)

// Unavailable is the output cache-result if there was no answer, because of the store, the caches
// or the settings.
const Unavailable = "unavailable"

// setRestoreOutputs sets the outputs of a restore, also after an error. Outputs that are not set
// are empty in expressions.
func (to *runner) setRestoreOutputs(r *Restored) {
	if r == nil {
		r = &Restored{CacheResult: Unavailable}
	}
	to.setOutput(config.OutResult, r.CacheResult)
	if !r.Known {
		to.setOutput(config.OutHit, "")
		return
	}
	hit, key := "", r.FoundKey
	if r.Found {
		hit = strconv.FormatBool(r.Exact)
	}
	if r.Exact {
		key = r.Key // as with actions/cache, where the two are equal then
	}
	to.setOutput(config.OutHit, hit)
	to.setOutput(config.OutPrimaryKey, r.Key)
	to.setOutput(config.OutMatchedKey, key)
	to.setOutput(config.OutMatchedScope, r.FoundScope)
	to.setOutput(config.OutScope, r.Scope)
	to.setOutput(config.OutRestoredEntries, strconv.Itoa(r.Entries))
	to.setOutput(config.OutRestoredModules, strconv.Itoa(r.Modules))
	to.setOutput(config.OutRestoredBytes, strconv.FormatInt(r.Written, 10))
	to.setOutput(config.OutFetchedBytes, strconv.FormatInt(r.Fetched, 10))
}

func (to *runner) setSaveOutputs(r *Saved) {
	if r == nil || !r.Known {
		to.setOutput(config.OutSaved, "false")
		return
	}
	to.setOutput(config.OutPrimaryKey, r.Key)
	to.setOutput(config.OutScope, r.Scope)
	to.setOutput(config.OutSaved, strconv.FormatBool(r.Written))
	to.setOutput(config.OutSavedEntries, strconv.Itoa(r.Entries))
	to.setOutput(config.OutSavedModules, strconv.Itoa(r.Modules))
	to.setOutput(config.OutSavedBytes, strconv.FormatInt(r.Uploaded, 10))
	to.setOutput(config.OutStoredBytes, strconv.FormatInt(r.Stored, 10))
}
