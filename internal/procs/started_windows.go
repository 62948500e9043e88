package procs

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

func started(pid int) (time.Time, error) {
	h, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, uint32(pid))
	if errors.Is(err, windows.ERROR_INVALID_PARAMETER) { // there is no process with this number
		return time.Time{}, os.ErrProcessDone
	}
	if err != nil {
		return time.Time{}, err
	}
	defer windows.CloseHandle(h)
	var begin, end, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(h, &begin, &end, &kernel, &user); err != nil {
		return time.Time{}, err
	}
	if end != (windows.Filetime{}) { // it stays known as long as anybody has a handle of it
		return time.Time{}, os.ErrProcessDone
	}
	return time.Unix(0, begin.Nanoseconds()), nil
}
