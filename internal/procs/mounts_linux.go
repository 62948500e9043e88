package procs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// HidesReads reports whether the reads of a process below dir may go unrecorded although they are
// recorded for this process: it has mounts of its own, as in a container, of which one has the file
// system of dir and is read-only or noatime. It reports true, too, if this user may not see the
// mounts.
func (p Process) HidesReads(dir string) bool {
	proc := "/proc/" + strconv.Itoa(p.PID)
	theirs, err := os.Readlink(proc + "/ns/mnt")
	if hasEnded(err) {
		return false
	}
	if ours, ownErr := os.Readlink("/proc/self/ns/mnt"); err == nil && ownErr == nil && ours == theirs {
		return false
	}
	at, err := placeOf(dir)
	if err != nil {
		return !os.IsNotExist(err)
	}
	mounts, err := readMounts(proc + "/mountinfo")
	if err != nil {
		return !hasEnded(err)
	}
	return slices.ContainsFunc(mounts, func(m mount) bool { return m.quiet && m.shows(at) })
}

// hasEnded reports whether a file of /proc cannot be read because its process has ended: the file
// is gone or, until the parent has waited for the process, there are no mounts to tell of.
func hasEnded(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL)
}

// mount is a line of /proc/PID/mountinfo, see proc_pid_mountinfo(5).
type mount struct {
	id     string
	device string // major:minor
	root   string // which directory of the file system is mounted
	point  string
	quiet  bool // mounted read-only or noatime
}

// shows reports whether one of what two mounts have in common contains the other.
func (m mount) shows(at mount) bool {
	return m.device == at.device && (isBelow(m.root, at.root) || isBelow(at.root, m.root))
}

func isBelow(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// placeOf returns the device of a directory, and as root where it lies in the file system.
func placeOf(dir string) (at mount, err error) {
	var st unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_MNT_ID, &st); err != nil {
		return at, &os.PathError{Op: "statx", Path: dir, Err: err}
	}
	file, err := os.Open(dir)
	if err != nil {
		return at, err
	}
	defer file.Close()
	// the path without symbolic links
	real, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(file.Fd())))
	if err != nil {
		return at, err
	}
	mounts, err := readMounts("/proc/self/mountinfo")
	if err != nil {
		return at, err
	}
	id := strconv.FormatUint(st.Mnt_id, 10)
	for _, m := range mounts {
		if m.id == id && st.Mask&unix.STATX_MNT_ID != 0 && isBelow(real, m.point) {
			m.root = path.Join(m.root, strings.TrimPrefix(real, m.point))
			return m, nil
		}
	}
	return at, fmt.Errorf("mount of %s is not in the list", dir)
}

func readMounts(name string) ([]mount, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parseMounts(bytes.NewReader(data))
}

func parseMounts(r io.Reader) (list []mount, err error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 6 {
			return nil, fmt.Errorf("mountinfo has a line %.200q", lines.Text())
		}
		options := strings.Split(f[5], ",")
		list = append(list, mount{
			id: f[0], device: f[2], root: unescape.Replace(f[3]), point: unescape.Replace(f[4]),
			quiet: slices.Contains(options, "ro") || slices.Contains(options, "noatime"),
		})
	}
	return list, lines.Err()
}

// unescape undoes what the kernel writes for characters that separate fields.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
