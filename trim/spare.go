package trim

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/retention"
)

// Go commands leave marks of what they use, also those that cannot be seen, in another container or
// on another machine, but not at each use:
//
//   - a build entry has the time of its last use, unless that was within an hour of the one before;
//     where several users share the build cache, only a record of having been read, see sharing;
//   - go.mod and .info of a module are read when a go command loads packages, long before it reads
//     the sources; file systems record a read (relatime), unless that was within a day of the one
//     before;
//   - the files of a toolchain are not loaded but run, which is a read, too;
//   - .info and HEAD of a cloned repository are read before it is used.
//
// So what was used within these times, and as long before that as a build may take, could be in use
// right now. Everything else has got a mark since the build began, which trim finds, also if that
// was after the scan. A go command that is seen may have been running for longer, see watch.
const (
	markedEvery  = time.Hour
	readEvery    = 24 * time.Hour
	longestBuild = 3 * time.Hour
)

// errMeanwhile means that a go command has begun to use something since the scan.
var errMeanwhile = errors.New("used meanwhile")

// sparesEntry reports whether an entry or an output with this time, in nanoseconds since the
// epoch, could be in use.
func (t *trimming) sparesEntry(used int64) bool {
	return t.Spare && used > t.now.Add(-t.sharing.every()-t.watch.longest(t.now)).UnixNano()
}

// spares does the same for what lies in the module cache. What is broken no go command uses.
func (t *trimming) spares(cand *candidate) bool {
	if !t.Spare || cand.broken {
		return false
	}
	since := t.now.Add(-readEvery - t.watch.longest(t.now))
	switch cand.what {
	case aModule:
		return sparesModule(t.mods, cand.version, since)
	case aGraph:
		_, read := t.mods.GraphUse(cand.version)
		return read.After(since)
	case aClone:
		return t.mods.CloneAsked(cand.name).After(since)
	}
	return false
}

// sparesModule reports whether a version has the mark of a use since then.
func sparesModule(mods *modcache.Cache, v module.Version, since time.Time) bool {
	asked := mods.Asked(v).After(since)
	if asked || v.Path != modcache.Toolchain {
		return asked
	}
	u, err := mods.Use(v, since)
	return err != nil || u.Read.After(since) || !mods.RecordsReads()
}

// spareUnknown spares all modules where there are, or may be, go commands of whose reads nothing
// tells.
func (t *trimming) spareUnknown(modules []candidate) {
	why := t.watch.present(t.Unseen)
	file := "the file system does not record what is read"
	switch {
	case t.watch.hidden.Name != "":
		why, file = "", "nothing records what is read by "+t.watch.hidden.Name+", which has the cache mounted in another way, read-only or noatime, or this user may not see how"
	case t.res.UnknownUse && t.res.NoneRead:
		file = "no read is recorded yet"
	}
	if !t.Spare || t.watch.hidden.Name == "" && (!t.res.UnknownUse || why == "") {
		return
	}
	if why != "" {
		file += ", and " + why
	}
	for i := range modules {
		if !modules[i].broken {
			modules[i].Pinned, modules[i].spared = true, false // the warning below is enough
		}
	}
	// where no age is known, none would go without a bound of the size
	bounded := t.MaxSize > 0 || t.MaxModules > 0 || !t.res.UnknownUse
	if t.res.AllModules = bounded && len(modules) > 0; t.res.AllModules {
		t.warn("module cache: all versions stay: %s", file)
	}
}

// usedMeanwhile returns an error for what a go command in the module cache could have begun to use
// since the scan.
func (t *trimming) usedMeanwhile(cand *candidate) error {
	if !t.Spare || cand.broken {
		return nil
	}
	if t.res.UnknownUse {
		if err := t.restStays("module cache", t.watch.begun == nil); err != nil {
			return err
		}
	}
	if t.spares(cand) {
		return errMeanwhile
	}
	return nil
}

// restStays returns an error once a go command has begun, and warns of that the first time.
func (t *trimming) restStays(cache string, first bool) error {
	err := t.watch.idle()
	if err != nil && first {
		t.warn("%s: the rest stays: %v", cache, err)
	}
	return err
}

// warnOfSpared says how much stays only because it could be in use. Verdicts are those with what is
// spared pinned.
func (t *trimming) warnOfSpared(items []retention.Item, verdicts []retention.Verdict) {
	var spared []int
	free := slices.Clone(items)
	for i, cand := range t.candidates {
		if cand.spared && cand.what != aGraph {
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
	longest := t.watch.longest(t.now)
	t.warn("%s that the age or a bound of the size would remove: used in the last %s (modules: %s), and could be in use %s", t.res.staying(n, t.sharing.all),
		wholeHours(longest+t.sharing.every()), wholeHours(longest+readEvery), t.watch.users(t.Unseen))
}

// wholeHours writes a duration, rounded up.
func wholeHours(d time.Duration) string {
	return quantity.Duration((d + time.Hour - 1).Truncate(time.Hour))
}

// staying counts what is spared: build entries alone, if all modules stay anyway.
func (r *Result) staying(n int, allEntries bool) string {
	switch {
	case n == 1:
		return "1 module or build entry stays"
	case r.AllModules:
		return quantity.Count(n) + " build entries stay"
	case allEntries:
		return quantity.Count(n) + " modules stay"
	}
	return quantity.Count(n) + " modules and build entries stay"
}
