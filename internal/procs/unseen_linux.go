package procs

import (
	"os"
	"strings"
)

// initNamespace is the PID namespace of the machine itself: the kernel gives it this number
// (PROC_PID_INIT_INO), and containers others.
const initNamespace = "pid:[4026531836]"

// Unseen says why Named may not find all processes of this machine, "" if there is no reason: in a
// container, or where /proc hides the processes of others (hidepid). The processes of containers
// are in the list of the machine, but not the other way round.
func Unseen() string {
	stat, err := os.ReadFile("/proc/1/stat")
	if err != nil {
		return "/proc does not show the processes of other users"
	}
	if len(strings.Fields(string(stat))) == 0 {
		return "/proc is not that of this system"
	}
	if name, err := os.Readlink("/proc/self/ns/pid"); err != nil || name != initNamespace {
		return "this is a container, which does not see the processes of the machine and of other containers"
	}
	return ""
}
