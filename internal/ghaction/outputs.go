package ghaction

import (
	"strconv"

	"github.com/org/gocache-action/internal/config"
)

// Unavailable is the output cache-result where no answer could be had: of the store, the caches, or
// the settings.
const Unavailable = "unavailable"

// setRestoreOutputs sets them all, also after an error: an expression reads what is not set as
// empty.
func (s *Step) setRestoreOutputs() {
	r := s.restored
	if r == nil {
		r = &Restored{CacheResult: Unavailable}
	}
	s.setOutput(config.OutResult, r.CacheResult)
	if !r.Known {
		s.setOutput(config.OutHit, "")
		return
	}
	hit, key := "", r.FoundKey
	if r.Found {
		hit = strconv.FormatBool(r.Exact)
	}
	if r.Exact {
		key = r.Key // as with actions/cache, where the two are equal then
	}
	s.setOutput(config.OutHit, hit)
	s.setOutput(config.OutPrimaryKey, r.Key)
	s.setOutput(config.OutMatchedKey, key)
	s.setOutput(config.OutMatchedScope, r.FoundScope)
	s.setOutput(config.OutScope, r.Scope)
	s.setOutput(config.OutRestoredEntries, strconv.Itoa(r.Entries))
	s.setOutput(config.OutRestoredModules, strconv.Itoa(r.Modules))
	s.setOutput(config.OutRestoredBytes, strconv.FormatInt(r.Written, 10))
	s.setOutput(config.OutFetchedBytes, strconv.FormatInt(r.Fetched, 10))
}

func (s *Step) setSaveOutputs() {
	r := s.saved
	if r == nil || !r.Known {
		s.setOutput(config.OutSaved, "false")
		return
	}
	s.setOutput(config.OutPrimaryKey, r.Key)
	s.setOutput(config.OutScope, r.Scope)
	s.setOutput(config.OutSaved, strconv.FormatBool(r.Written))
	s.setOutput(config.OutSavedEntries, strconv.Itoa(r.Entries))
	s.setOutput(config.OutSavedModules, strconv.Itoa(r.Modules))
	s.setOutput(config.OutSavedBytes, strconv.FormatInt(r.Uploaded, 10))
	s.setOutput(config.OutStoredBytes, strconv.FormatInt(r.Stored, 10))
}

// setState and setOutput do without a runner that offers no file for it, where the library would
// panic.
func (s *Step) setState(name, value string) {
	if s.env("GITHUB_STATE") != "" {
		s.gh.SaveState(name, value)
	}
}

func (s *Step) setOutput(name, value string) {
	if s.env("GITHUB_OUTPUT") != "" {
		s.gh.SetOutput(name, value)
	}
}
