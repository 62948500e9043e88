//go:build !linux && !darwin && !windows

package doctor

import "errors"

// volumeOf tells nothing on this system.
func volumeOf(string) (volume, error) { return volume{}, errors.ErrUnsupported }
