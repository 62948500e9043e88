package osfile

import (
	"io/fs"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// asideAfter is how long ReplaceShared waits for readers of the target to finish, before it
// replaces the target in two steps. It does so only on network shares and file systems other than
// NTFS, which cannot replace an open file.
const asideAfter = 500 * time.Millisecond

// ReplaceShared does what Rename does, and also replaces a target that others are reading, if they
// opened it with OpenShared. If that takes two steps, it first moves the old file to the path that
// aside returns, and leaves it there, since it may be open. If the process is killed between the
// steps, the old file there is the only one.
func ReplaceShared(from, to string, aside func() (string, error)) error {
	begin := time.Now()
	return retry(retryFor, func() error {
		err := rename(from, to)
		if err == nil || !IsLocked(err) || time.Since(begin) < asideAfter {
			return err
		}
		return replaceInTwo(from, to, aside, err)
	})
}

// replaceInTwo replaces a file in two steps. If the old file cannot be moved either, it returns
// why, the error that made the two steps necessary.
func replaceInTwo(from, to string, aside func() (string, error), why error) error {
	if info, err := os.Lstat(to); err != nil || !info.Mode().IsRegular() {
		return why
	}
	old, err := aside()
	if err != nil || os.Rename(to, old) != nil {
		return why
	}
	if err := os.Rename(from, to); err != nil {
		if back := os.Rename(old, to); back != nil {
			return back
		}
		return err
	}
	return nil
}

// rename calls os.Rename. If that fails because the target is open, it uses the call of Windows 10
// that can replace an open file.
func rename(from, to string) error {
	err := os.Rename(from, to)
	if err == nil || !IsLocked(err) {
		return err
	}
	if posixRename(from, to) != nil {
		return err
	}
	return nil
}

// renameInfo is FILE_RENAME_INFO.
type renameInfo struct {
	flags         uint32
	rootDirectory windows.Handle
	nameLength    uint32 // in bytes, without the final 0
	name          [windows.MAX_LONG_PATH]uint16
}

func posixRename(from, to string) error {
	old, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	name, err := windows.UTF16FromString(to)
	if err != nil {
		return err
	}
	info := renameInfo{flags: windows.FILE_RENAME_REPLACE_IF_EXISTS | windows.FILE_RENAME_POSIX_SEMANTICS, nameLength: uint32(len(name)-1) * 2}
	if copy(info.name[:], name) < len(name) {
		return fs.ErrInvalid
	}
	h, err := windows.CreateFile(old, windows.DELETE|windows.SYNCHRONIZE, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	return windows.SetFileInformationByHandle(h, windows.FileRenameInfoEx, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
}
