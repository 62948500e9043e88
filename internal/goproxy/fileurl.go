package goproxy

import (
	"net/url"
	"path/filepath"
	"runtime"
)

// Directory is that of a file URL in GOPROXY. On Windows the URL has a slash before the drive.
func Directory(u *url.URL) string {
	path := u.Path
	if runtime.GOOS == "windows" && len(path) > 2 && path[0] == '/' && path[2] == ':' {
		path = path[1:]
	}
	return filepath.FromSlash(path)
}
