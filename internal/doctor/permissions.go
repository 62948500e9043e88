package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/samedir"
)

// examinedFiles is how many files of a cache are looked at: those of other users come in whole
// directories, so that a part tells.
const examinedFiles = 20_000

// checkPermissions: the caches can be written to, and what is in them belongs to this user.
func checkPermissions(ctx context.Context, f *Facts) (found []finding.Finding) {
	for _, p := range f.places() {
		found = append(found, examinePlace(f, ctx, p))
	}
	return found
}

// examinePlace looks at one cache.
func examinePlace(f *Facts, ctx context.Context, p place) finding.Finding {
	if !filepath.IsAbs(p.dir) {
		return finding.Failf(finding.Run("go env -u "+p.name), "%s, %s, is no absolute path: go commands refuse it", p.name, p.dir)
	}
	if err := samedir.Check(p.dir); errors.Is(err, samedir.ErrUnusable) {
		return finding.Failf(f.elsewhere(p.name).With("or remove what has this name"), "%s: %v", p.name, err)
	}
	dir := osfile.Existing(p.dir)
	info, err := os.Stat(dir)
	if err != nil {
		return finding.Failf(f.elsewhere(p.name), "%s, %s: %v", p.name, p.dir, err)
	}
	if writes, known := mayWrite(dir); known && !writes {
		return finding.Failf(own(f, p, dir, info), "%s, %s, cannot be written to%s: go commands fail in it", p.name, dir, belongs(f, info))
	}
	if dir != p.dir {
		return finding.Okf("%s, %s, is not there yet, and can be created", p.name, p.dir)
	}
	if mode := info.Mode(); mode.Perm()&0o002 != 0 && mode&fs.ModeSticky == 0 {
		if _, known := osfile.Owner(info); known {
			return finding.Warnf(finding.Run("chmod o-w "+finding.Quote(dir)), "%s, %s, can be written to by every user of this machine (%v), who can change what is built", p.name, dir, mode.Perm())
		}
	}
	return strangers(f, ctx, p)
}

// belongs says whose a directory is, if it is not this user's.
func belongs(f *Facts, info fs.FileInfo) string {
	uid, known := osfile.Owner(info)
	if !known || uid == f.uid {
		return ""
	}
	return " and belongs to " + osfile.UserName(uid)
}

func chown(dir string) string { return `sudo chown -R "$(id -u):$(id -g)" ` + finding.Quote(dir) }

// own is the command after which this user can write to a place. If it is not there yet, the next
// directory above it that exists may be that of all users, and stays theirs.
func own(f *Facts, p place, exists string, info fs.FileInfo) finding.Remedy {
	uid, _ := osfile.Owner(info)
	switch {
	case p.dir != exists:
		return finding.Run(`sudo install -d -o "$(id -u)" -g "$(id -g)" ` + finding.Quote(p.dir))
	case uid != f.uid:
		return finding.Run(chown(p.dir)).With(onlyUser)
	}
	command := "chmod -R u+rwX " + finding.Quote(p.dir)
	if p.name == "GOMODCACHE" { // the go command makes the trees of modules read-only, and they stay so
		command = "find " + finding.Quote(p.dir) + " -type d -name '*@v*' -prune -o -type d -exec chmod u+rwx {} +"
	}
	return finding.Run(command).With("unless its file system is mounted read-only")
}

// onlyUser keeps two users who share a cache from taking it from each other in turn.
const onlyUser = "if no other user builds with this cache; otherwise give each user a cache of their own"

// strangers looks for what belongs to other users, as after sudo go build. For root that is
// harmless, and usual in containers.
func strangers(f *Facts, ctx context.Context, p place) finding.Finding {
	seen, others, example := 0, map[int]int{}, ""
	err := filepath.WalkDir(p.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
				example = path
				others[-1]++
			}
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if seen++; seen > examinedFiles || ctx.Err() != nil {
			return fs.SkipAll
		}
		if uid, known := osfile.Owner(info); known && uid != f.uid {
			if others[uid]++; example == "" {
				example = path
			}
		}
		return nil
	})
	if err != nil {
		return unknown("%s, %s: %v", p.name, p.dir, err)
	}
	if _, known := osfile.Owner(mustInfo(p.dir)); !known {
		return unknown("%s, %s: this system does not tell who may write, only trying it does", p.name, p.dir)
	}
	if len(others) == 0 || f.mayAll {
		return finding.Okf("%s, %s, can be written to", p.name, p.dir)
	}
	return finding.Warnf(finding.Run(chown(p.dir)).With(onlyUser), "%s, %s, has files of others (%s), such as %s: go commands of this user may fail to replace or trim them", p.name, p.dir, counts(others), example)
}

func mustInfo(dir string) fs.FileInfo {
	info, err := os.Stat(dir)
	if err != nil {
		return noInfo{}
	}
	return info
}

// noInfo is of a file that has gone.
type noInfo struct{ fs.FileInfo }

func (noInfo) Sys() any { return nil }

func counts(others map[int]int) string {
	var list []string
	for uid, n := range others {
		if uid < 0 {
			list = append(list, quantity.Counted(n, "directory")+" that cannot be read")
			continue
		}
		list = append(list, fmt.Sprintf("%d of %s", n, osfile.UserName(uid)))
	}
	slices.Sort(list)
	return fmt.Sprint(list[0], more(len(list)-1))
}

func more(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", and of %d more", n)
}
