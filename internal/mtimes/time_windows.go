package mtimes

import (
	"io/fs"
	"time"

	"golang.org/x/sys/windows"
)

// setTime sets the modification time of path, even if that is a directory or a symbolic link.
func setTime(path string, t time.Time) error {
	fail := func(err error) error { return &fs.PathError{Op: "set time of", Path: path, Err: err} }
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return fail(err)
	}
	h, err := windows.CreateFile(name, windows.FILE_WRITE_ATTRIBUTES, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return fail(err)
	}
	defer windows.CloseHandle(h)
	written := windows.NsecToFiletime(t.UnixNano())
	if err := windows.SetFileTime(h, nil, nil, &written); err != nil {
		return fail(err)
	}
	return nil
}
