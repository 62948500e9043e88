package osfiletest

import (
	"sync"
	"testing"

	"golang.org/x/sys/windows"
)

// Hold opens a file or a directory as scanners of viruses do, for reading and so that it can
// neither be removed nor renamed. It returns what closes it again.
func Hold(tb testing.TB, path string) (release func()) {
	tb.Helper()
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		tb.Fatal(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS, 0)
	if err != nil {
		tb.Fatal(err)
	}
	return sync.OnceFunc(func() { windows.CloseHandle(h) })
}
