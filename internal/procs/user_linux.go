package procs

import (
	"os"
	"strconv"

	"github.com/org/gocache-action/internal/osfile"
)

func user(pid int) (uid int, known bool) {
	info, err := os.Stat("/proc/" + strconv.Itoa(pid))
	if err != nil {
		return 0, false
	}
	return osfile.Owner(info)
}
