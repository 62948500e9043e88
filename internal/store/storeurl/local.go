package storeurl

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// A system has what the meaning of a path depends on.
type system struct {
	goos string
	home string // the user's directory, "" when there is none
}

func (s system) windows() bool { return s.goos == "windows" }

// local returns the directory that raw names as a path or as a file URL; ok is false if it is
// neither. Only URLs have escapes, a path is taken literally. On Windows "/" and "\" mean the same.
func local(raw string, sys system) (dir string, ok bool, err error) {
	switch {
	case len(raw) >= len("file:") && strings.EqualFold(raw[:len("file:")], "file:"):
		dir, err = fileURL(raw[len("file:"):], sys)
	case isPath(raw, sys):
		dir, err = plain(raw, sys)
	default:
		return "", false, nil
	}
	if err == nil && strings.ContainsFunc(dir, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		err = errors.New("the path has a control character")
	}
	if err != nil {
		return "", true, err
	}
	return dir, true, nil
}

// drivePath matches what begins with a drive, as "C:", "C:/dir" and "C:dir", but no URL: there are
// no schemes of one letter.
var drivePath = regexp.MustCompile(`^[A-Za-z]:`)

// isPath tells a path from a URL. A relative path must begin with a dot, because "bucket/prefix" is
// more likely a URL without its scheme.
func isPath(raw string, sys system) bool {
	first, _, _ := strings.Cut(strings.ReplaceAll(raw, `\`, "/"), "/")
	switch {
	case raw == "":
		return false
	case first == "" || first == "." || first == "..": // from the root, a share, or relative
		return true
	}
	return strings.HasPrefix(first, "~") || drivePath.MatchString(first)
}

// plain reads a path.
func plain(raw string, sys system) (string, error) {
	p := raw
	if sys.windows() {
		p = strings.ReplaceAll(raw, "/", `\`)
	}
	switch {
	case strings.HasPrefix(p, "~"):
		return inHome(p, sys)
	case sys.windows():
		return windowsPath(p)
	}
	return unixPath(p, sys)
}

// inHome resolves a leading ~ as a shell does, because no shell sees the inputs of CI systems.
func inHome(p string, sys system) (string, error) {
	rest := p[1:]
	switch {
	case rest != "" && rest[0] != '/' && !(sys.windows() && rest[0] == '\\'):
		return "", errors.New("only your own home directory can be written with ~, as in ~/store")
	case sys.home == "":
		return "", errors.New("there is no home directory; write an absolute path")
	}
	home := strings.TrimRight(sys.home, "/")
	if sys.windows() {
		home = strings.TrimRight(home, `\`)
	}
	if home+rest == "" { // of root in some containers
		return "/", nil
	}
	return home + rest, nil
}

// unixPath rejects paths that are absolute on Windows only: elsewhere they would name an oddly
// named directory below the current one.
func unixPath(p string, sys system) (string, error) {
	switch {
	case drivePath.MatchString(p):
		return "", fmt.Errorf("a path with a drive is one of Windows, and this is %s; write /dir or ./dir", sys.goos)
	case strings.HasPrefix(p, `\\`), strings.HasPrefix(p, "//"):
		return "", fmt.Errorf("a network share has such a name on Windows only, and this is %s; mount it and write its directory, with one slash", sys.goos)
	case strings.ContainsRune(strings.SplitN(p, "/", 2)[0], '\\'): // \dir, .\dir
		return "", fmt.Errorf(`directories are separated by "/" here, and this is %s; write /dir or ./dir`, sys.goos)
	}
	return p, nil
}

// share matches the server and the share of a UNC path, and what follows.
var share = regexp.MustCompile(`^\\\\([^\\]+)\\([^\\]+)(\\.*)?$`)

// windowsPath checks a path whose slashes are backslashes.
func windowsPath(p string) (string, error) {
	switch {
	case drivePath.MatchString(p) && len(p) == 2:
		return p + `\`, nil
	case drivePath.MatchString(p) && p[2] != '\\':
		return "", fmt.Errorf(`%s is relative to the directory that drive %s is in; write %s\%s`, p, p[:2], p[:2], p[2:])
	case strings.HasPrefix(p, `\\.\`):
		return "", errors.New(`that is a device; write C:\dir or \\server\share\dir`)
	case strings.HasPrefix(p, `\\`) && !share.MatchString(p):
		return "", errors.New(`a share has a server and a name; write \\server\share\dir`)
	}
	return p, nil
}

// fileURL reads what follows "file:".
func fileURL(rest string, sys system) (string, error) {
	if sys.windows() {
		rest = strings.ReplaceAll(rest, `\`, "/")
	}
	host, path, err := splitHost(rest)
	if err != nil {
		return "", err
	}
	if path, err = url.PathUnescape(path); err != nil {
		return "", errors.New("a % in a file URL must be written as %25; a path without file:// is taken as it is")
	}
	if sys.windows() {
		return windowsFile(host, strings.ReplaceAll(path, "/", `\`))
	}
	switch {
	case host != "" && drivePath.MatchString(host):
		return unixPath(host, sys)
	case host != "":
		return "", fmt.Errorf("a file URL has no host on %s, but this one has %q; write file:///dir, with three slashes, or mount the share", sys.goos, host)
	case !strings.HasPrefix(path, "/"):
		return "", errNotAbsolute
	case drivePath.MatchString(path[1:]):
		return unixPath(path[1:], sys)
	case strings.Contains(rest, `\`):
		return "", errors.New(`a "\" in a file URL must be written as %5C; directories are separated by "/" here`)
	}
	return unixPath(path, sys)
}

var errNotAbsolute = errors.New("the directory of a file URL must be absolute; write file:///dir, or ./dir as a path")

// splitHost takes the URL apart. The host is "" for this machine.
func splitHost(rest string) (host, path string, err error) {
	if i := strings.IndexAny(rest, "?#"); i >= 0 && rest[i] == '?' {
		return "", "", errors.New(`a file URL has no parameters; a "?" that belongs to the name must be written as %3F`)
	} else if i >= 0 {
		return "", "", errors.New(`a "#" must be written as %23`)
	}
	after, ok := strings.CutPrefix(rest, "//")
	if !ok {
		return "", rest, nil
	}
	host, _, _ = strings.Cut(after, "/")
	path = after[len(host):]
	switch {
	case strings.Contains(host, "@"):
		return "", "", errors.New("credentials do not belong in the URL; log in to the share, or mount it, beforehand")
	case strings.EqualFold(host, "localhost"):
		host = ""
	case host == "." || host == ".." || strings.HasPrefix(host, "~"):
		return "", "", fmt.Errorf("the directory of a file URL must be absolute; write %s without file://", host+path)
	case host == "" && path == "":
		return "", "", errNotAbsolute
	}
	return host, path, nil
}

// windowsFile puts the parts of a file URL together. Many write a drive or a share with fewer or
// more slashes than there should be.
func windowsFile(host, path string) (string, error) {
	switch {
	case drivePath.MatchString(host): // file://C:/dir
		return windowsPath(host + path)
	case host != "":
		return windowsPath(`\\` + host + path)
	case drivePath.MatchString(path): // file:C:/dir
		return windowsPath(path)
	case !strings.HasPrefix(path, `\`):
		return "", errNotAbsolute
	case drivePath.MatchString(path[1:]): // file:///C:/dir
		return windowsPath(path[1:])
	}
	if unc := strings.TrimLeft(path, `\`); len(path)-len(unc) > 1 { // file:////server/share
		return windowsPath(`\\` + unc)
	}
	return windowsPath(path)
}
