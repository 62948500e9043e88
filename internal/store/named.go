package store

import (
	"fmt"
	"strings"
)

// Named adds to an error the kind and name of the object that it concerns. It returns the error as
// it is if that already has the name, as most errors of stores do: names can be long.
func Named(kind, name string, err error) error {
	if err == nil || strings.Contains(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s %s: %w", kind, name, err)
}
