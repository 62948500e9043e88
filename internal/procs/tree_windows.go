package procs

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// EndTree ends a process that this one has started, together with all its descendants: Windows has
// no signals, and ending a go command alone would leave its compilers running. EndTree first puts
// the processes that it finds into a job object. Processes that these start later belong to the job
// as well, so after some rounds none is missing, and the job is ended as a whole.
func EndTree(root *os.Process) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return errors.Join(err, root.Kill())
	}
	defer windows.CloseHandle(job)
	t := tree{job: job, known: map[uint32]int64{}}
	defer t.close()
	if !t.take(uint32(root.Pid), 0) {
		return root.Kill() // it has ended, or is not ours
	}
	for more := true; more; {
		if more, err = t.grow(); err != nil {
			break
		}
	}
	return errors.Join(err, windows.TerminateJobObject(job, 1))
}

// tree is what is in the job.
type tree struct {
	job     windows.Handle
	known   map[uint32]int64 // when each began
	handles []windows.Handle // held, so that no process gets the ID of one that has ended meanwhile
}

func (t *tree) close() {
	for _, h := range t.handles {
		windows.CloseHandle(h)
	}
}

// grow takes the children of known processes, and reports whether there were any new ones.
func (t *tree) grow() (more bool, err error) {
	err = each(func(e *windows.ProcessEntry32) {
		begin, isChild := t.known[e.ParentProcessID]
		if _, known := t.known[e.ProcessID]; isChild && !known && t.take(e.ProcessID, begin) {
			more = true
		}
	})
	return more, err
}

// take puts a process into the job if it began after its parent. Otherwise it belongs to an older
// process that had the same ID as the parent.
func (t *tree) take(pid uint32, parentBegan int64) bool {
	h, err := windows.OpenProcess(windows.PROCESS_SET_QUOTA|windows.PROCESS_TERMINATE|windows.PROCESS_QUERY_LIMITED_INFORMATION, false, pid)
	if err != nil {
		return false
	}
	var begin, end, kernel, user windows.Filetime
	if err := windows.GetProcessTimes(h, &begin, &end, &kernel, &user); err != nil || begin.Nanoseconds() < parentBegan {
		windows.CloseHandle(h)
		return false
	}
	t.handles = append(t.handles, h)
	t.known[pid] = begin.Nanoseconds()
	if windows.AssignProcessToJobObject(t.job, h) != nil {
		windows.TerminateProcess(h, 1) // the same, except for processes that it is starting right now
	}
	return true
}

// each calls f for all processes.
func each(f func(*windows.ProcessEntry32)) error {
	snap, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(snap)
	e := windows.ProcessEntry32{Size: uint32(unsafe.Sizeof(windows.ProcessEntry32{}))}
	for err = windows.Process32First(snap, &e); err == nil; err = windows.Process32Next(snap, &e) {
		f(&e)
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return err
	}
	return nil
}
