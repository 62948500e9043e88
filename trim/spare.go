package trim

import (
	"errors"
	"time"

	"golang.org/x/mod/module"
)

// Go commands that cannot be seen, in another container or on another machine, leave marks of what
// they use, but not at once:
//
//   - a build entry has the time of its last use, unless that was within an hour of the one before;
//   - go.mod and .info of a module are read when a go command loads packages, long before it reads
//     the sources; file systems record a read (relatime), unless that was within a day of the one
//     before.
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
	return t.Spare && t.mods.Asked(v).After(t.now.Add(-readEvery-longestBuild))
}

// spareUnknown spares all modules where neither go commands nor their reads can be seen.
func (t *trimming) spareUnknown(modules []candidate) {
	if !t.Spare || !t.res.UnknownUse || t.Unseen == "" {
		return
	}
	for i := range modules {
		if !modules[i].broken {
			modules[i].Pinned = true
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

// warnOfBounds says that a bound of the size is not kept, because too much could be in use.
func (t *trimming) warnOfBounds() {
	if !t.Spare {
		return
	}
	mods, build := t.res.Modules.Kept.Bytes, t.res.Build.Kept.Bytes
	for _, b := range []struct {
		what        string
		size, bound int64
	}{{"both caches", mods + build, t.MaxSize}, {"modules", mods, t.MaxModules}, {"build outputs", build, t.MaxBuild}} {
		if b.bound > 0 && b.size > b.bound {
			t.warn("the bound of %s is not kept: what was used in the last hours (modules: in the last day) could be in use by a go command that is not seen", b.what)
			return
		}
	}
}
