package keys

import (
	"errors"
	"fmt"
	"go/version"

	"golang.org/x/mod/modfile"
)

// newestSyntax is the newest Go version whose go.mod syntax golang.org/x/mod/modfile is known to
// read completely.
const newestSyntax = "go1.26"

// ParseMod parses a go.mod. Unknown directives are errors, as for the go command, except in a file
// for a later Go version than this package knows, which may have new directives.
func ParseMod(f File) (*modfile.File, error) {
	mod, err := modfile.Parse(f.Path, f.Data, nil)
	if err == nil {
		return mod, nil
	}
	lax, laxErr := modfile.ParseLax(f.Path, f.Data, nil)
	if laxErr == nil && lax.Go != nil && version.Compare(version.Lang("go"+lax.Go.Version), newestSyntax) > 0 {
		return lax, nil
	}
	return nil, syntaxError(f.Path, err)
}

// ParseWork parses a go.work. Its errors wrap ErrSyntax, as those of ParseMod do.
func ParseWork(f File) (*modfile.WorkFile, error) {
	work, err := modfile.ParseWork(f.Path, f.Data, nil)
	if err != nil {
		return nil, syntaxError(f.Path, err)
	}
	return work, nil
}

// ErrSyntax is wrapped by the errors of go.mod and go.work files that do not parse.
var ErrSyntax = errors.New("does not parse")

// syntaxError keeps the first error only, since later ones mostly follow from it. Each of them
// begins with "file:line:".
func syntaxError(path string, err error) error {
	var list modfile.ErrorList
	if errors.As(err, &list) && len(list) > 0 {
		return fmt.Errorf("%s %w: %w", path, ErrSyntax, &list[0])
	}
	return fmt.Errorf("%s %w: %w", path, ErrSyntax, err)
}
