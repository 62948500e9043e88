package osfile

import (
	"io/fs"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// File is a file open for writing. It is not safe for concurrent use.
type File struct {
	fd   int
	path string
}

// Create creates path for writing with perm, less the umask. An existing path,
// whatever it is, is fs.ErrExist.
func Create(path string, perm fs.FileMode) (*File, error) {
	return open(path, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, perm)
}

// Overwrite opens path for writing from its start, and creates it with perm (less the umask) where
// there is none. The content stays until it is overwritten. cmd/go writes its build cache in this
// way, since a second writer of the same bytes then does no harm.
func Overwrite(path string, perm fs.FileMode) (*File, error) {
	return open(path, unix.O_WRONLY|unix.O_CREAT, perm)
}

func open(path string, flags int, perm fs.FileMode) (*File, error) {
	for {
		fd, err := unix.Openat(unix.AT_FDCWD, path, flags|unix.O_CLOEXEC, uint32(perm.Perm()))
		if err == nil {
			return &File{fd: fd, path: path}, nil
		}
		if err != unix.EINTR {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// Write writes all of p, in one system call unless the kernel takes less.
func (f *File) Write(p []byte) (int, error) {
	done := 0
	for done < len(p) {
		n, err := unix.Write(f.fd, p[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return done, &fs.PathError{Op: "write", Path: f.path, Err: err}
		}
		done += n
	}
	return done, nil
}

// Truncate sets the size, in bytes.
func (f *File) Truncate(size int64) error {
	for {
		err := unix.Ftruncate(f.fd, size)
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return &fs.PathError{Op: "truncate", Path: f.path, Err: err}
		}
	}
}

// SetTime sets the access and modification times. Call it after the last Write.
func (f *File) SetTime(t time.Time) error {
	ts := [2]unix.Timespec{unix.NsecToTimespec(t.UnixNano()), unix.NsecToTimespec(t.UnixNano())}
	// futimens(3): utimensat without a path. Package unix only has the variants with a path.
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(f.fd), 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
	if errno != 0 {
		return &fs.PathError{Op: "utimensat", Path: f.path, Err: errno}
	}
	return nil
}

// Close closes the file. An error can mean that written data is lost.
func (f *File) Close() error {
	// On Linux the descriptor is gone even after EINTR: no second attempt.
	if err := unix.Close(f.fd); err != nil && err != unix.EINTR {
		return &fs.PathError{Op: "close", Path: f.path, Err: err}
	}
	return nil
}

// Dir reads entries of one directory relative to an open descriptor, which spares
// the kernel the walk along the path. Its methods are safe for concurrent use.
type Dir struct{ f *os.File }

// OpenDir opens a directory.
func OpenDir(path string) (*Dir, error) {
	f, err := os.OpenFile(path, unix.O_DIRECTORY|os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	return &Dir{f}, nil
}

// Names lists the directory, unsorted. It can be called once.
func (d *Dir) Names() ([]string, error) { return d.f.Readdirnames(-1) }

// Close closes the directory.
func (d *Dir) Close() error { return d.f.Close() }

// Lstat describes the entry name without following a symbolic link.
func (d *Dir) Lstat(name string) (Info, error) {
	var st unix.Stat_t
	for {
		err := unix.Fstatat(int(d.f.Fd()), name, &st, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			return info(&st), nil
		}
		if err != unix.EINTR {
			return Info{}, &fs.PathError{Op: "lstat", Path: d.path(name), Err: err}
		}
	}
}

// ReadFile reads at most len(buf) bytes of the entry name, and describes it. It does not follow a
// symbolic link. A longer file fills buf; compare with Info.Size. As with OpenQuietly, no read is
// recorded where this user may avoid that.
func (d *Dir) ReadFile(name string, buf []byte) (int, Info, error) {
	fd, err := d.openat(name)
	if err != nil {
		return 0, Info{}, &fs.PathError{Op: "open", Path: d.path(name), Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return 0, Info{}, &fs.PathError{Op: "fstat", Path: d.path(name), Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0, info(&st), nil
	}
	n, err := readFull(fd, buf)
	if err != nil {
		return n, Info{}, &fs.PathError{Op: "read", Path: d.path(name), Err: err}
	}
	return n, info(&st), nil
}

func (d *Dir) openat(name string) (int, error) {
	for {
		// O_NONBLOCK: a named pipe must not stop a scan.
		const flags = unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NOFOLLOW | unix.O_NONBLOCK
		fd, err := unix.Openat(int(d.f.Fd()), name, flags|unix.O_NOATIME, 0)
		if err == unix.EPERM { // only the owner and root may read without a record of that
			fd, err = unix.Openat(int(d.f.Fd()), name, flags, 0)
		}
		if err != unix.EINTR {
			return fd, err
		}
	}
}

func (d *Dir) path(name string) string { return d.f.Name() + "/" + name }

func readFull(fd int, buf []byte) (int, error) {
	done := 0
	for done < len(buf) {
		n, err := unix.Read(fd, buf[done:])
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return done, err
		}
		done += n
	}
	return done, nil
}

func info(st *unix.Stat_t) Info {
	m := fs.FileMode(st.Mode & 0o777)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
	case unix.S_IFDIR:
		m |= fs.ModeDir
	case unix.S_IFLNK:
		m |= fs.ModeSymlink
	default:
		m |= fs.ModeIrregular
	}
	return Info{Size: st.Size, MTime: st.Mtim.Nano(), Mode: m, ATime: st.Atim.Nano(), UID: int(st.Uid)}
}
