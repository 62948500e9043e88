package store

import "fmt"

// SizeError says that an object is larger than its reader accepts. It is ErrTooLarge.
type SizeError struct {
	Name        string
	Size, Limit int64 // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("object %s has %d bytes, more than the limit of %d", e.Name, e.Size, e.Limit)
}

// Is makes errors.Is(err, ErrTooLarge) true.
func (e *SizeError) Is(target error) bool { return target == ErrTooLarge }
