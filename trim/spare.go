package trim

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/retention"
)

// Go commands that cannot be seen, in another container or on another machine, leave marks of what
// they use, but not at once:
//
//   - a build entry has the time of its last use, unless that was within an hour of the one before;
//   - go.mod and .info of a module are read when a go command loads packages, long before it reads
//     the sources; file systems record a read (relatime), unless that was within a day of the one
//     before;
//   - the files of a toolchain are not loaded but run, which is a read, too.
//
// So what was used within these times, and as long before that as a build may take, could be in use
// right now. Everything else has got a mark since the build began, which trim finds, also if that
// was after the scan.
const (
	markedEvery  = time.Hour
	readEvery    = 24 * time.Hour
	longestBuild = 3 * time.Hour
)

// errMeanwhile means that a go command has begun to use something since the scan.
var errMeanwhile = errors.New("used meanwhile")

// sparesOutput reports whether an entry or an output with this time, in nanoseconds since the
// epoch, could be in use.
func (t *trimming) sparesOutput(used int64) bool {
	return t.Spare && used > t.now.Add(-markedEvery-longestBuild).UnixNano()
}

// sparesModule does the same for a module version.
func (t *trimming) sparesModule(v module.Version) bool {
	if !t.Spare {
		return false
	}
	since := t.now.Add(-readEvery - longestBuild)
	asked := t.mods.Asked(v).After(since)
	if asked || v.Path != modcache.Toolchain {
		return asked
	}
	u, err := t.mods.Use(v, since)
	return err != nil || u.Read.After(since) || !t.mods.RecordsReads()
}

// spareUnknown spares all modules where neither go commands nor their reads can be seen.
func (t *trimming) spareUnknown(modules []candidate) {
	if !t.Spare || !t.res.UnknownUse || t.Unseen == "" {
		return
	}
	for i := range modules {
		if !modules[i].broken {
			modules[i].Pinned, modules[i].spared = true, false // the warning below is enough
		}
	}
	if len(modules) > 0 {
		t.warn("module cache: all versions stay, since the file system does not record what is read, and %s", t.Unseen)
	}
}

// usedMeanwhile returns an error for a module or graph files that a go command has looked at since
// the scan.
func (t *trimming) usedMeanwhile(cand *candidate) error {
	switch {
	case !t.Spare || cand.broken:
		return nil
	case cand.what == aModule && t.sparesModule(cand.version):
		return errMeanwhile
	case cand.what == aGraph:
		if _, read := t.mods.GraphUse(cand.version); !read.Before(t.now) {
			return errMeanwhile
		}
	}
	return nil
}

// warnOfSpared says how much stays only because it could be in use. Verdicts are those with what is
// spared pinned.
func (t *trimming) warnOfSpared(items []retention.Item, verdicts []retention.Verdict) {
	var spared []int
	free := slices.Clone(items)
	for i, cand := range t.candidates {
		if cand.spared && !cand.broken {
			spared, free[i].Pinned = append(spared, i), false
		}
	}
	if len(spared) == 0 {
		return
	}
	n, without := 0, retention.Decide(free, t.policy(t.now))
	for _, i := range spared {
		if verdicts[i] == retention.Kept && without[i] != retention.Kept {
			n++
		}
	}
	if n == 0 {
		return
	}
	why := t.Unseen
	if why == "" {
		why = "where none runs elsewhere, --force removes them"
	}
	t.warn("%d modules and build entries stay that the age or a bound of the size would remove: they were used in the last hours (modules: in the last day), and could be in use by a go command that is not seen (%s)", n, why)
}
