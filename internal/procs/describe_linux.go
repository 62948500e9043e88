package procs

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/osfile"
)

// describe is what /proc says of a process: its program and first argument, where it runs and, if
// it is another one's, whose it is. More arguments may have secrets.
func describe(pid int) string {
	dir := "/proc/" + strconv.Itoa(pid)
	line, err := os.ReadFile(dir + "/cmdline")
	words := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	if err != nil || words[0] == "" {
		return ""
	}
	text := filepath.Base(words[0])
	if len(words) > 1 {
		text += " " + words[1]
	}
	if cwd, err := os.Readlink(dir + "/cwd"); err == nil {
		text += " in " + cwd
	}
	info, err := os.Stat(dir)
	if err != nil {
		return text
	}
	if uid, known := osfile.Owner(info); known && uid != os.Geteuid() {
		text += ", of " + osfile.UserName(uid)
	}
	return text
}

// program is the base name of the file that a process runs, "" if this user may not see it.
func program(pid int) string {
	file, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe")
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(filepath.Base(file), " (deleted)")
}
