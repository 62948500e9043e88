package osfile

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// locked lists the errors of the system for files that another program has open. For a rename that
// is often "access denied".
var locked = []error{windows.ERROR_ACCESS_DENIED, windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_DIR_NOT_EMPTY}

// OpenShared opens a file for reading in such a way that it can be replaced and removed meanwhile,
// as on other systems.
func OpenShared(path string) (f *os.File, err error) {
	err = retry(retryFor, func() error {
		f, err = openShared(path)
		return err
	})
	return f, err
}

func openShared(path string) (*os.File, error) {
	fail := func(err error) (*os.File, error) { return nil, &fs.PathError{Op: "open", Path: path, Err: err} }
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return fail(err)
	}
	h, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return fail(err)
	}
	return os.NewFile(uintptr(h), path), nil
}
