//go:build !linux && !darwin && !windows

package procs

import (
	"errors"
	"time"
)

func started(int) (time.Time, error) { return time.Time{}, errors.ErrUnsupported }
