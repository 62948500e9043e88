package storeurl

import (
	"strings"
	"testing"
)

var (
	linux   = system{goos: "linux", home: "/home/me"}
	mac     = system{goos: "darwin", home: "/Users/me"}
	windows = system{goos: "windows", home: `C:\Users\me`}
)

// TestLocal: users write the path of a directory in these forms, on each operating system. A result
// that begins with "!" is part of the error.
func TestLocal(t *testing.T) {
	for _, tt := range []struct{ raw, unix, windows string }{
		// Paths.
		{"/abs/path", "/abs/path", `\abs\path`},
		{"/a%20b/c#d?e", "/a%20b/c#d?e", `\a%20b\c#d?e`},
		{"./store", "./store", `.\store`},
		{"../store", "../store", `..\store`},
		{".", ".", "."},
		{"./a b", "./a b", `.\a b`},
		{"~", "~home", "~home"},
		{"~/store", "~home/store", `~home\store`},
		{"~other/store", "!your own home", "!your own home"},
		{`C:\store`, "!drive", `C:\store`},
		{"C:/store", "!drive", `C:\store`},
		{"c:/", "!drive", `c:\`},
		{"C:", "!drive", `C:\`},
		{"C:store", "!drive", `!write C:\store`},
		{`D:\a\_temp/store`, "!this is ", `D:\a\_temp\store`},
		{`C:\100%\x`, "!drive", `C:\100%\x`},
		{`\\server\share\x`, "!mount it", `\\server\share\x`},
		{"//server/share/x", "!mount it", `\\server\share\x`},
		{`\\server\share`, "!mount it", `\\server\share`},
		{`\\server`, "!mount it", `!\\server\share\dir`},
		{`\\server\`, "!mount it", `!\\server\share\dir`},
		{`\\?\C:\very\long`, "!mount it", `\\?\C:\very\long`},
		{`\\.\PhysicalDrive0`, "!mount it", "!device"},
		{`\store`, "!separated by", `\store`},
		{`.\store`, "!separated by", `.\store`},
		{`..\store`, "!separated by", `..\store`},
		{"./a\nb", "!control character", "!control character"},

		// URLs.
		{"file:///abs/path", "/abs/path", `\abs\path`},
		{"FILE:///abs/path", "/abs/path", `\abs\path`},
		{"file:/abs", "/abs", `\abs`},
		{"file://localhost/abs", "/abs", `\abs`},
		{"file:///with%20space%23hash%3F", "/with space#hash?", `\with space#hash?`},
		{"file:///100%25", "/100%", `\100%`},
		{"file:///a%5Cb", `/a\b`, `\a\b`},
		{"file:///100%", "!%25", "!%25"},
		{"file:///a%00b", "!control character", "!control character"},
		{"file:///C:/x", "!drive", `C:\x`},
		{`file:///C:\x`, "!drive", `C:\x`},
		{"file://C:/x", "!drive", `C:\x`},
		{`file://C:\x`, "!drive", `C:\x`},
		{"file:C:/x", "!absolute", `C:\x`},
		{"file:///c%3A/x", "!drive", `c:\x`},
		{"file:///C:", "!drive", `C:\`},
		{"file:///C:x", "!drive", `!write C:\x`},
		{`file:///D:\a\_temp/store`, "!drive", `D:\a\_temp\store`},
		{`file://D:\a\_temp/store`, "!drive", `D:\a\_temp\store`},
		{`file://localhost/C:\x`, "!drive", `C:\x`},
		{"file://server/share/x", "!no host", `\\server\share\x`},
		{"file://server/share/a%20b", "!no host", `\\server\share\a b`},
		{"file:////server/share/x", "!mount it", `\\server\share\x`},
		{`file:///\\server\share\x`, "!%5C", `\\server\share\x`},
		{`file:\\server\share\x`, "!absolute", `\\server\share\x`},
		{"file://///server/share/x", "!mount it", `\\server\share\x`},
		{"file://server", "!no host", `!\\server\share\dir`},
		{"file://dir/", "!no host", `!\\server\share\dir`},
		{"file://./store", "!write ./store without", "!write ./store without"},
		{"file://../store", "!write ../store without", "!write ../store without"},
		{"file://~/store", "!write ~/store without", "!write ~/store without"},
		{"file:", "!absolute", "!absolute"},
		{"file://", "!absolute", "!absolute"},
		{"file:dir", "!absolute", "!absolute"},
		{"file:./dir", "!absolute", "!absolute"},
		{"file:///dir?x=1", "!%3F", "!%3F"},
		{"file:///dir#x", "!%23", "!%23"},
		{"file://me:hunter2@server/share", "!credentials", "!credentials"},
	} {
		for _, sys := range []system{linux, mac, windows} {
			want := tt.unix
			if sys.windows() {
				want = tt.windows
			}
			if rest, ok := strings.CutPrefix(want, "~home"); ok {
				want = sys.home + rest
			}
			got, err := parseOn(tt.raw, sys)
			if part, bad := strings.CutPrefix(want, "!"); bad {
				if err == nil || !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("%s: %s: %+v, %v, want an error with %q", sys.goos, tt.raw, got, err, part)
				}
				continue
			}
			if err != nil || got.Dir != want || got.S3 != nil {
				t.Errorf("%s: %s: %+v, %v, want %s", sys.goos, tt.raw, got, err, want)
			}
		}
	}
}

// TestNoHome: not every user has a home directory, and in some containers that of root is "/".
func TestNoHome(t *testing.T) {
	if _, err := parseOn("~/x", system{goos: "linux"}); err == nil || !strings.Contains(err.Error(), "no home") {
		t.Error(err)
	}
	for raw, want := range map[string]string{"~": "/", "~/": "/", "~/x": "/x"} {
		if got, err := parseOn(raw, system{goos: "linux", home: "/"}); err != nil || got.Dir != want {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
}

// TestNotLocal: other arguments are not directories on any operating system, and the error says how
// to write one.
func TestNotLocal(t *testing.T) {
	for raw, want := range map[string]string{
		"":              "no scheme",
		"store":         "./dir",
		"bucket/prefix": "./dir",
		"cc:/x":         "unknown scheme",
		"swift://b":     "unknown scheme",
	} {
		for _, sys := range []system{linux, mac, windows} {
			if got, err := parseOn(raw, sys); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q: %+v, %v", sys.goos, raw, got, err)
			}
		}
	}
}

func FuzzLocal(f *testing.F) {
	for _, s := range []string{"file:///C:/x", `\\server\share`, "~/x", "file://h/%41", "./x", "C:x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, sys := range []system{linux, windows} {
			dir, ok, err := local(raw, sys)
			switch {
			case err != nil && (dir != "" || !ok), err == nil && ok != (dir != ""):
				t.Errorf("%s: %q: %q, %v, %v", sys.goos, raw, dir, ok, err)
			case strings.Contains(dir, "\x00"), sys.windows() && strings.Contains(dir, "/"):
				t.Errorf("%s: %q: %q", sys.goos, raw, dir)
			}
		}
	})
}
