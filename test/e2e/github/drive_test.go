package github

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/osfile"
)

// TestFastDrive: the caches are where the input says, for the restore, for later steps and for the
// save; on this system a drive that is found out is none, and the log says so.
func TestFastDrive(t *testing.T) {
	l := newLab(t)
	write(t, filepath.Join(l.project, "lib", "lib.go"), "package lib\n\nimport _ \"github.com/inconshreveable/mousetrap\"\n")
	l.env = slices.DeleteFunc(l.env, func(v string) bool { return strings.HasPrefix(v, "GOMODCACHE=") || strings.HasPrefix(v, "GOCACHE=") })
	store, drive := "STORE=file://"+filepath.Join(l.root, "store"), filepath.Join(l.root, "drive")
	where := "mod=" + filepath.Join(drive, "mod") + " build=" + filepath.Join(drive, "build") + " tmp=" + filepath.Join(drive, "tmp")
	empty := func() {
		if err := osfile.RemoveAll(drive); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(empty)
	first := l.run("drive.yml", "push", pushTo("main"), "", store, "DRIVE="+drive)
	first.job("test", "success")
	first.says("fast-drive: GOMODCACHE="+filepath.Join(drive, "mod"), where+" hit=[]", "saved in refs/heads/main")
	empty()
	second := l.run("drive.yml", "push", pushTo("main"), "", store, "DRIVE="+drive, "GOPROXY=off")
	second.job("test", "success")
	second.says(where+" hit=[true]", "nothing new to save")
	if second.compiled() {
		t.Errorf("with the caches on the drive packages are compiled again:\n%s", second.text)
	}
	third := l.run("drive.yml", "push", pushTo("main"), "", store, "DRIVE=true", "env GOMODCACHE="+filepath.Join(l.root, "runner", "mod"), "env GOCACHE="+filepath.Join(l.root, "runner", "build"))
	third.job("test", "success")
	third.says("fast-drive: runners of Linux have one disk for all, so the caches stay where they are", "build="+filepath.Join(l.root, "runner", "build"))
}
