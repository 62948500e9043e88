package procs

import (
	"errors"
	"os"
	"strconv"
	"strings"
)

// list reads /proc. It leaves out processes that end meanwhile or that this user may not examine.
func list() ([]Process, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, errors.Join(errors.ErrUnsupported, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, n := range names {
		pid, err := strconv.Atoi(n)
		if err != nil {
			continue
		}
		// The state after the last ")" is Z for a zombie: it has ended, and its parent has not
		// waited for it yet.
		stat, err := os.ReadFile("/proc/" + n + "/stat")
		open, end := strings.IndexByte(string(stat), '('), strings.LastIndexByte(string(stat), ')')
		if err != nil || open < 0 || end < open || strings.HasPrefix(string(stat[end+1:]), " Z") {
			continue
		}
		all = append(all, Process{pid, string(stat[open+1 : end])})
	}
	return all, nil
}
