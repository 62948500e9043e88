package doctor

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/config"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/finding/findingtest"
	"github.com/org/gocache-action/internal/lockfile"
)

func list(one finding.Finding) finding.Findings { return finding.Findings{one} }

func TestSpace(t *testing.T) {
	const gib = 1 << 30
	for name, c := range map[string]struct {
		v      volume
		wanted []string
	}{
		"well":          {volume{free: 20 * gib, size: 100 * gib, files: 1e6, countsFiles: true}, []string{"ok 20 GiB free of 100 GiB for GOCACHE; 1,000,000 more files"}},
		"no inodes":     {volume{free: 20 * gib, size: 100 * gib}, []string{"ok 20 GiB"}},
		"little":        {volume{free: gib, size: 100 * gib}, []string{"warn gocache trim"}},
		"nothing":       {volume{free: gib / 10, size: gib}, []string{"fail gocache trim"}},
		"few inodes":    {volume{free: 20 * gib, size: 100 * gib, files: 100, countsFiles: true}, []string{"fail 100 more files"}},
		"fewer inodes":  {volume{free: gib, size: 100 * gib, files: 10_000, countsFiles: true}, []string{"warn free of", "warn (inodes)"}},
		"nobody knows":  {volume{}, []string{"ok unknown"}},
		"a huge volume": {volume{free: 1 << 60, size: 1 << 62, files: 1<<64 - 1, countsFiles: true}, []string{"ok free of"}},
	} {
		t.Run(name, func(t *testing.T) {
			want(t, judgeSpace("GOCACHE", c.v, fewBytes, finding.Run("gocache trim")), c.wanted...)
		})
	}
	f := bare(t, map[string]string{"GOMODCACHE": filepath.Join(t.TempDir(), "a", "b")})
	f.volume = func(string) (volume, error) { return volume{}, errors.ErrUnsupported }
	want(t, runCheck(t, f, "disk-space"), "ok unknown", "ok unknown")
	f.volume = func(dir string) (volume, error) { return volume{id: dir, free: 1 << 30, size: 2 << 30}, nil }
	want(t, runCheck(t, f, "disk-space"), "warn GOMODCACHE -> gocache trim", "ok temporary files")
}

func TestFileSystem(t *testing.T) {
	dir := t.TempDir()
	f := bare(t, map[string]string{"GOCACHE": dir, "GOMODCACHE": filepath.Join(dir, "not", "there")})
	for i := range 20 {
		if err := os.WriteFile(filepath.Join(dir, string(rune('a'+i))), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want(t, runCheck(t, f, "file-system"), "ok GOMODCACHE is on", "ok to look up a file")
	f.volume = func(string) (volume, error) { return volume{kind: "nfs", network: true, remote: "NFS"}, nil }
	want(t, runCheck(t, f, "file-system"), "warn GOMODCACHE", "warn is on NFS: each build")
	f.volume = func(string) (volume, error) { return volume{}, errors.ErrUnsupported }
	want(t, runCheck(t, f, "file-system"), "ok unknown", "ok unknown")
}

func TestPermissions(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"mod", "build"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f := bare(t, map[string]string{"GOMODCACHE": filepath.Join(dir, "mod"), "GOCACHE": filepath.Join(dir, "build")})
	if runtime.GOOS == "windows" {
		want(t, runCheck(t, f, "permissions"), "ok unknown", "ok unknown")
		return
	}
	want(t, runCheck(t, f, "permissions"), "ok can be written to", "ok can be written to")
	f.Env["GOMODCACHE"] = filepath.Join(dir, "new", "mod")
	want(t, runCheck(t, f, "permissions"), "ok is not there yet", "ok ")
	f.Env["GOMODCACHE"] = "relative"
	want(t, runCheck(t, f, "permissions"), "fail go env -u GOMODCACHE", "ok ")
	f.Env["GOMODCACHE"] = filepath.Join(dir, "file")
	if err := os.WriteFile(f.Env["GOMODCACHE"], nil, 0o666); err != nil {
		t.Fatal(err)
	}
	want(t, runCheck(t, f, "permissions"), "fail it is a file", "ok ")
	f.Env["GOMODCACHE"] = ""

	f.uid, f.mayAll = f.uid+1, false // all files are those of another
	want(t, runCheck(t, f, "permissions"), "warn sudo chown -R")
	f.uid--
	if err := os.Chmod(filepath.Join(dir, "build"), 0o777); err != nil {
		t.Fatal(err)
	}
	want(t, runCheck(t, f, "permissions"), "warn chmod o-w")
	if err := os.Chmod(filepath.Join(dir, "build"), 0o555); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() != 0 { // root may write everywhere
		want(t, runCheck(t, f, "permissions"), "fail cannot be written to")
	}
	if err := os.Chmod(filepath.Join(dir, "build"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// TestOwn: what is advised for a cache that is not there does not change who owns the root.
func TestOwn(t *testing.T) {
	dir := t.TempDir()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	f := bare(t, nil)
	if got := own(f, place{"GOMODCACHE", "/srv/go/mod"}, "/", info).Command; !strings.HasPrefix(got, "sudo install -d ") || !strings.HasSuffix(got, " "+finding.Quote("/srv/go/mod")) {
		t.Error(got)
	}
	f.uid++
	if got := own(f, place{"GOMODCACHE", dir}, dir, info).Command; runtime.GOOS != "windows" && !strings.HasPrefix(got, "sudo chown -R ") {
		t.Error(got)
	}
	if got := own(f, place{"GOMODCACHE", dir}, dir, info).Advice; runtime.GOOS != "windows" && !strings.Contains(got, "no other user builds") {
		t.Error(got)
	}
	if got := removeBuilds("windows", `C:\Temp`); strings.Contains(got, "find ") || strings.Contains(got, "'") {
		t.Error(got)
	}
}

// TestReadOnly: a cache of one's own that was made read-only can be written to again after what is
// advised, and modules in it stay as the go command makes them.
func TestReadOnly(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes of files mean little")
	}
	f := bare(t, nil)
	for name, wanted := range map[string]map[string]fs.FileMode{
		"GOMODCACHE": {"cache/download": 0o755, "example.com": 0o755, "example.com/a@v1.0.0": 0o555, "example.com/a@v1.0.0/sub": 0o555},
		"GOCACHE":    {"00": 0o755},
	} {
		dir := t.TempDir()
		for sub := range wanted {
			if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		sh(t, "chmod -R a-w "+dir)
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		remedy := own(f, place{name, dir}, dir, info)
		findingtest.Pasteable(t, finding.Failf(remedy, "%s", name))
		sh(t, remedy.Command)
		wanted["."] = 0o755
		for sub, mode := range wanted {
			if info, err := os.Stat(filepath.Join(dir, sub)); err != nil || info.Mode().Perm() != mode {
				t.Errorf("%s: %s has %v, want %v (%v)", name, sub, info.Mode(), mode, err)
			}
		}
		sh(t, "chmod -R u+w "+dir) // for the end of the test
	}
}

func sh(t *testing.T, command string) {
	t.Helper()
	if out, err := exec.Command("sh", "-c", command).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
}

// TestTrimmed: what is advised fits the disk, and what lies on it.
func TestTrimmed(t *testing.T) {
	for _, c := range []struct {
		size  uint64
		names []string
		want  string
	}{
		{64 << 20, []string{"GOCACHE", temporary}, "build=16MiB"},
		{8 << 30, []string{"GOMODCACHE"}, "modules=2048MiB"},
		{250 << 30, []string{"GOMODCACHE", "GOCACHE", temporary}, " 5120MiB"},
		{1 << 10, []string{"GOCACHE"}, "build=1MiB"},
	} {
		got := trimmed(c.names, volume{size: c.size}).Command
		if !strings.HasSuffix(got, c.want) {
			t.Errorf("%d bytes for %v: %s, want %s", c.size, c.names, got, c.want)
		}
		bound := got[strings.LastIndex(got, " ")+1:]
		given := config.Environment(func(name string) string {
			return map[string]string{config.Variable("max-size"): bound}[name]
		})
		if err := config.New(config.Trim).Fill(config.Trim, nil, given); err != nil {
			t.Errorf("%s: %v", got, err)
		}
	}
}

func TestTemp(t *testing.T) {
	f := bare(t, map[string]string{"GOTMPDIR": t.TempDir()})
	want(t, runCheck(t, f, "temp-dir"), "ok ")
	f.volume = func(string) (volume, error) { return volume{noExec: true}, nil }
	want(t, runCheck(t, f, "temp-dir"), "fail noexec")
	f.Env["GOTMPDIR"] = filepath.Join(f.Env["GOTMPDIR"], "gone")
	want(t, runCheck(t, f, "temp-dir"), "fail is no directory")
	gone := f.Env["GOTMPDIR"]
	f.Env = nil // go env fails itself
	f.Getenv = func(name string) string { return map[string]string{"GOTMPDIR": gone}[name] }
	want(t, runCheck(t, f, "temp-dir"), "fail GOTMPDIR, "+gone+", is no directory")
}

// TestLeftovers: real files of commands that were killed, and of some that are at work.
func TestLeftovers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	temp := filepath.Join(w.root, "temp")
	if err := os.Mkdir(temp, 0o755); err != nil {
		t.Fatal(err)
	}
	f := bare(t, map[string]string{"GOMODCACHE": w.env["GOMODCACHE"], "GOCACHE": w.env["GOCACHE"], "GOTMPDIR": temp})
	want(t, runCheck(t, f, "leftovers"), "ok nothing is left")
	download := "cache/download/example.com/a/@v/"
	w.write(w.env["GOMODCACHE"], map[string]string{
		download + "v1.0.0.mod": "module example.com/a\n", download + "v1.0.0.ziphash": someSum, "example.com/a@v1.0.0/go.mod": "module example.com/a\n",
		"cache/lock": "",
	})
	want(t, runCheck(t, f, "leftovers"), "ok nothing is left")

	const output = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef-d.token.partial"
	w.write(w.env["GOCACHE"], map[string]string{"01/" + output: "x"})
	w.write(w.env["GOMODCACHE"], map[string]string{
		download + "v1.1.0.mod": "module example.com/a\n", download + "v1.1.0.partial": "", download + "v1.1.0.ziphash": someSum, "example.com/a@v1.1.0/go.mod": "x",
		download + "v1.2.0.mod": "module example.com/a\n", "example.com/a@v1.2.0/go.mod": "x",
		"cache/gocache-stage-1/1/f": "", "cache/gocache-stage-1.lock": "", "cache/gocache-stage-2/1/f": "", "cache/gocache-stage-2.lock": "",
	})
	alive, err := lockfile.Take(filepath.Join(w.env["GOMODCACHE"], "cache", "gocache-stage-2.lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer alive.Unlock()
	want(t, runCheck(t, f, "leftovers"), "warn 1 stage of restores that were killed, such as "+filepath.Join(w.env["GOMODCACHE"], "cache", "gocache-stage-1")) // all else is young
	if remedy := runCheck(t, f, "leftovers")[0].Remedy; !strings.Contains(remedy.Advice, "next gocache restore removes it") {
		t.Errorf("the remedy: %s", remedy)
	}

	f.Now = func() time.Time { return time.Now().Add(time.Hour) }
	want(t, runCheck(t, f, "leftovers"), "warn stage", "warn has 2 module versions that no go command can use, such as example.com/a@v1.1.0: extraction was interrupted", "warn GOCACHE has 1 output")

	for i := range manyOldBuild {
		if err := os.Mkdir(filepath.Join(temp, "go-build"+string(rune('a'+i))), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	f.Env["GOMODCACHE"] = ""
	w.write(w.env["GOCACHE"], map[string]string{".gocache-rebuild/journal.json": `{"format":1,"began":"2026-01-02T03:04:05Z"}`})
	want(t, runCheck(t, f, "leftovers"), "warn GOCACHE has 1 output", "warn a rebuild that began 2026-01-02 03:04:05 was interrupted")
	f.Env["GOCACHE"] = ""
	want(t, runCheck(t, f, "leftovers"), "ok ")
	f.Now = func() time.Time { return time.Now().Add(48 * time.Hour) }
	want(t, runCheck(t, f, "leftovers"), "warn has 20 directories")
}
