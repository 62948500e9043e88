package dir

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/store"
)

// A listing is one walk through the objects whose names begin with prefix, in the order of their
// names. It skips directories that cannot hold such objects.
type listing struct {
	objects objects
	prefix  string
	yield   func(store.Entry) bool
}

// walk yields the objects below parent, which is "" or ends in a slash. It reports false when yield
// wants no more.
func (l *listing) walk(ctx context.Context, parent string) (bool, error) {
	names, err := children(l.objects.layout.dir(parent))
	if err != nil {
		return false, err
	}
	for _, child := range names {
		name := parent + child
		isDir := strings.HasSuffix(name, "/")
		if !strings.HasPrefix(name, l.prefix) && !(isDir && strings.HasPrefix(l.prefix, name)) {
			continue
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		more := true
		if isDir {
			more, err = l.walk(ctx, name)
		} else if store.CheckName(name) == nil {
			more, err = l.one(name)
		}
		if err != nil || !more {
			return false, err
		}
	}
	return true, nil
}

// one yields one object, unless it was removed meanwhile.
func (l *listing) one(name string) (bool, error) {
	info, err := l.objects.stat(name)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return l.yield(store.Entry{Name: name, Info: info}), nil
}

// children returns the files and directories in dir as elements of object names, with a slash after
// those of directories: sorted so, a walk visits whole names in order ("a-b" before "a/b"). Only
// names are kept, since a directory of packs can be very large.
func children(dir string) ([]string, error) {
	d, err := os.Open(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer d.Close()
	var names []string
	for {
		entries, err := d.ReadDir(1024)
		for _, e := range entries {
			if name, ok := unescape(e.Name()); ok && e.IsDir() {
				names = append(names, name+"/")
			} else if ok && e.Type().IsRegular() {
				names = append(names, name)
			}
		}
		if err == io.EOF || errors.Is(err, fs.ErrNotExist) { // the directory can vanish meanwhile
			slices.Sort(names)
			return names, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
