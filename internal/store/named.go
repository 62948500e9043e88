package store

import (
	"fmt"
	"strings"
)

// Named adds to an error which object it is about, and of which kind that is. Errors of a store
// name their object already: names of a hundred and more bytes are not repeated.
func Named(kind, name string, err error) error {
	if err == nil || strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s %s: %w", kind, name, err)
}
