package save

import (
	"fmt"
	"slices"
	"sync"

	"github.com/org/gocache-action/internal/report"
)

// journal collects warnings, and the names of the objects that were written. Safe for concurrent
// use: mu guards all fields.
type journal struct {
	mu       sync.Mutex
	warnings []string
	said     map[string]bool // the warnings: there can be one for each of very many files
	objects  []string
}

// warn records a warning, once.
func (j *journal) warn(format string, args ...any) {
	s := report.OneLine(fmt.Sprintf(format, args...))
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.said == nil {
		j.said = map[string]bool{}
	}
	if !j.said[s] {
		j.said[s] = true
		j.warnings = append(j.warnings, s)
	}
}

func (j *journal) warnAll(list []string) {
	for _, s := range list {
		j.warn("%s", s)
	}
}

// wrote records an object.
func (j *journal) wrote(object string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.objects = append(j.objects, object)
}

// read returns the warnings in their order, and the objects in that of their names.
func (j *journal) read() (warnings, objects []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.warnings), slices.Sorted(slices.Values(j.objects))
}
