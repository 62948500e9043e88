package procs

import (
	"strings"

	"golang.org/x/sys/windows"
)

func list() (all []Process, err error) {
	err = each(func(e *windows.ProcessEntry32) {
		name := strings.ToLower(windows.UTF16ToString(e.ExeFile[:]))
		all = append(all, Process{int(e.ProcessID), strings.TrimSuffix(name, ".exe")})
	})
	return all, err
}
