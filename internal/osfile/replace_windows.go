package osfile

import (
	"io/fs"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// asideAfter is how long a replacement leaves its target in place that others keep reading, where
// the file system has no other way: network shares, and file systems other than NTFS.
const asideAfter = 500 * time.Millisecond

// ReplaceShared is Rename to a file that others may be reading, if they opened it with OpenShared.
// Where that can only be done in two steps, the old file is moved to the path that aside returns
// first, and left there, since it may be open. Who is killed between the steps leaves it as the
// only one.
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

// replaceInTwo returns why, the reason to try it, where the old file cannot be moved either.
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

// rename is os.Rename, which cannot replace a file that is open, and where it fails for that the
// way that can, of Windows 10.
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
