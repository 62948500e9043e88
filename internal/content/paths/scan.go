package paths

import (
	"context"
	"fmt"
	"slices"

	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/extradir"
	"github.com/org/gocache-action/internal/snapshot"
)

// Scan lists the files of the directories. Each is read for its hash, since nothing is known of
// what other programs do with times.
func Scan(ctx context.Context, env collect.Env, dirs []extradir.Path) (Local, error) {
	l := Local{dirs: make(map[string]extradir.Path, len(dirs))}
	buf := make([]byte, 1<<20)
	for _, p := range dirs {
		l.dirs[p.Name] = p
		list, err := extradir.Scan(ctx, p.Dir, func(name string, reason error) {
			env.Warn("%s of %s is not saved: %v", name, p.Name, reason)
		})
		if err != nil {
			return l, fmt.Errorf("path %s: %w", p.Name, err)
		}
		for _, f := range list {
			if ctx.Err() != nil {
				return l, context.Cause(ctx)
			}
			sum, size, err := hashFile(p, f.Name, buf)
			if err != nil {
				env.Warn("%s of %s is not saved: %v", f.Name, p.Name, err)
				continue
			}
			id := collect.FileID{Path: p.Name, Name: f.Name, Sum: sum}
			before, _ := env.Stock.File(id)
			l.files = append(l.files, localFile{id, size, f.Exec, env.LastUse(f.Used, before.LastUse), true})
		}
	}
	if len(l.files) > snapshot.MaxPathFiles {
		env.Warn("the extra paths have %d files, more than the limit of %d: none is saved", len(l.files), snapshot.MaxPathFiles)
		l.files = nil
	}
	slices.SortFunc(l.files, func(x, y localFile) int { return compareNames(x.FileID, y.FileID) })
	return l, nil
}

func hashFile(p extradir.Path, name string, buf []byte) (string, int64, error) {
	f, err := p.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	return extradir.Sum(f, buf)
}
