package buildcache

import (
	"os"

	"github.com/org/gocache-action/internal/digest"
)

// Lookup returns the entry of an action and where its output lies, as the go command would find it;
// false is a miss. It marks nothing as used.
func Lookup(c *Cache, action digest.ID) (e Entry, file string, ok bool) {
	text, err := os.ReadFile(c.actionFile(action))
	if err != nil {
		return Entry{}, "", false
	}
	e, err = ParseEntry(text)
	if err != nil || e.Action != action {
		return Entry{}, "", false
	}
	file = c.outputFile(e.Output)
	st, err := os.Stat(file)
	if err != nil || !st.IsDir() && st.Size() != e.Size {
		return Entry{}, "", false
	}
	return e, file, true
}
