//go:build !linux

package trim

import "errors"

func trimElsewhere(string) error { return errors.ErrUnsupported }

func trimLayers(string) error { return errors.ErrUnsupported }
