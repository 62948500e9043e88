//go:build !linux && !darwin && !windows

package procs

import "errors"

func list() ([]Process, error) { return nil, errors.ErrUnsupported }
