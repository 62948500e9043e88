package ghaction

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/usage"
)

// TestChooseDrive: where the caches go, by the input and what runners have.
func TestChooseDrive(t *testing.T) {
	const temp, local = `D:\a\_temp`, `C:\Users\runneradmin\AppData\Local`
	for _, c := range []struct{ input, system, temp, local, want, note string }{
		{"", "Windows", temp, local, "", ""},
		{"false", "Windows", temp, local, "", ""},
		{"true", "Windows", temp, local, `D:\gocache-action\mod`, ""},
		{"auto", "Windows", `d:\a\_temp`, local, `D:\gocache-action\mod`, ""},
		{"true", "Windows", `C:\a\_temp`, `c:\Users`, "", "stay where they are"},
		{"true", "Windows", "", local, "", "stay where they are"},
		{"true", "Windows", `\\server\share`, local, "", "stay where they are"},
		{"E:", "Windows", temp, local, `E:\gocache-action\mod`, ""},
		{`e:\`, "Windows", temp, local, `E:\gocache-action\mod`, ""},
		{`D:\go caches\`, "Windows", temp, local, `D:\go caches\mod`, ""},
		{"D:/go", "Windows", temp, local, `D:\go\mod`, ""},
		{"true", "Linux", "/home/runner/work/_temp", "", "", "runners of Linux have one disk"},
		{"auto", "macOS", "/Users/runner/work/_temp", "", "", "runners of macOS have one disk"},
		{"D:", "Linux", "", "", "", "a drive of Windows"},
		{"/mnt/go/", "Linux", "", "", "/mnt/go/mod", ""},
		{"go", "Linux", "", "", "", "error"},
		{"go", "Windows", temp, local, "", "error"},
		{"D:go", "Windows", temp, local, "", "error"},
		{"/mnt", "Windows", temp, local, "", "error"},
		{`D:\go`, "Linux", "", "", "", "error"},
		{"/", "Linux", "", "", "", "error"},
	} {
		d, err := chooseDrive(c.input, c.system, c.temp, c.local)
		got := ""
		if d.dir != "" {
			got = d.join("mod")
		}
		if got != c.want || (err != nil) != (c.note == "error") || err != nil && !usage.Is(err) || err == nil && !strings.Contains(d.note, c.note) {
			t.Errorf("%+v: %q, %q, %v", c, got, d.note, err)
		}
	}
}

// TestFastDrive: both phases and later steps have the caches on the drive, and what a job has set
// itself stays.
func TestFastDrive(t *testing.T) {
	j := newFakeJob(t)
	fast, env := filepath.Join(j.dir, "fast"), filepath.Join(j.dir, "env")
	maps.Copy(j.env, map[string]string{"INPUT_FAST-DRIVE": fast, "RUNNER_OS": "Linux", "GITHUB_ENV": env})
	j.vars["GOTMPDIR"] = "/of/the/job"
	state, err := j.phase("main")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"GOMODCACHE": fast + "/mod", "GOCACHE": fast + "/build", "GOTMPDIR": "/of/the/job"}
	check := func(when string) {
		t.Helper()
		for name, value := range want {
			if j.vars[name] != value {
				t.Errorf("%s: %s=%q, want %q", when, name, j.vars[name], value)
			}
		}
	}
	check("main")
	file, err := os.ReadFile(env)
	if err != nil || !strings.Contains(string(file), "GOMODCACHE") || !strings.Contains(string(file), want["GOCACHE"]) || strings.Contains(string(file), "GOTMPDIR") {
		t.Errorf("later steps: %v\n%s", err, file)
	}
	if _, err := os.Stat(want["GOMODCACHE"]); err != nil {
		t.Error(err)
	}
	maps.Copy(j.env, state)
	j.vars["GOCACHE"] = "/of/a/step"
	if _, err := j.phase("post"); err != nil {
		t.Fatal(err)
	}
	check("post")
}

// TestFastDriveFails: a drive that cannot be written to is a warning, and nothing is moved; what
// makes no sense is an error.
func TestFastDriveFails(t *testing.T) {
	j := newFakeJob(t)
	file := filepath.Join(j.dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	maps.Copy(j.env, map[string]string{"INPUT_FAST-DRIVE": file + "/below", "RUNNER_OS": "Linux"})
	if _, err := j.phase("main"); err != nil || j.vars["GOCACHE"] != "" || !strings.Contains(j.log.String(), "::warning title=gocache::the caches stay where they are: ") {
		t.Errorf("GOCACHE=%q, %v\n%s", j.vars["GOCACHE"], err, &j.log)
	}
	j.env["INPUT_FAST-DRIVE"] = "yes"
	if _, err := j.phase("main"); err == nil || errors.Is(err, os.ErrExist) {
		t.Errorf("of a value that makes no sense: %v", err)
	}
}
