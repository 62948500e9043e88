package dir

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// rename replaces to. Windows refuses that while a reader has the old file open
// (ERROR_ACCESS_DENIED or ERROR_SHARING_VIOLATION), as cmd/go/internal/robustio knows too. Readers of
// objects that are ever replaced are short, so it tries for a while.
func rename(from, to string) error {
	const sharingViolation = syscall.Errno(32)
	deadline := time.Now().Add(10 * time.Second)
	for pause := time.Millisecond; ; pause *= 2 {
		err := os.Rename(from, to)
		again := errors.Is(err, syscall.ERROR_ACCESS_DENIED) || errors.Is(err, sharingViolation)
		if !again || time.Now().After(deadline) {
			return err
		}
		time.Sleep(min(pause, 100*time.Millisecond))
	}
}
