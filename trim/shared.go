package trim

import (
	"slices"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/osfile"
)

// sharing says how a use of a build entry is seen. A go command may set the time of a file only if
// its user owns the file: the use of another one's file leaves no mark but that of the read
// (os.Chtimes fails with EPERM, which cmd/go ignores). Root may set it always.
type sharing struct {
	among  string // why several users may use the build cache; "": only one does
	hidden bool   // the file system records no reads either
}

// share finds out whether several users use the build cache.
func (t *trimming) share() (s sharing) {
	if !t.Spare {
		return s
	}
	switch {
	case len(t.inv.Owners) > 1:
		s.among = "its entries belong to several users"
	case len(t.inv.Owners) > 0 && t.watch.others(t.inv.Owners[0]) != "":
		s.among = "a go command of another user is running, " + t.watch.others(t.inv.Owners[0])
	case len(t.inv.Owners) > 0 && t.inv.Writable:
		s.among = "several users may write to it"
	}
	s.hidden = s.among != "" && !osfile.RecordsReads(t.BuildDir)
	return s
}

// others names a go command of a user who may not mark what this owner's is.
func (w *watch) others(owner int) string {
	i := slices.IndexFunc(w.seen, func(g GoCommand) bool { return g.User != 0 && g.User != owner })
	if i < 0 {
		return ""
	}
	return w.seen[i].Name
}

// entryUse is when an entry was last used, in nanoseconds since the epoch.
func (t *trimming) entryUse(e buildcache.Local) int64 {
	if t.sharing.among != "" {
		return max(e.ActionTime, e.ActionRead)
	}
	return e.ActionTime
}

// buildEvery is how old the mark of a use may be that is not renewed.
func (t *trimming) buildEvery() time.Duration {
	if t.sharing.among != "" {
		return readEvery
	}
	return markedEvery
}

// spareUnmarked spares all build entries where there are, or may be, go commands whose uses leave
// no mark at all.
func (t *trimming) spareUnmarked() {
	why := t.watch.present(t.Unseen)
	if !t.sharing.hidden || why == "" {
		return
	}
	for i := range t.candidates {
		t.candidates[i].Pinned, t.candidates[i].spared = true, false // the warning below is enough
	}
	if t.allEntries = len(t.candidates) > 0; t.allEntries {
		t.warn("build cache: all entries stay: %s, the file system does not record what is read, and %s", t.sharing.among, why)
	}
}

// unmarkedMeanwhile returns an error if a go command has begun whose uses leave no mark at all.
func (t *trimming) unmarkedMeanwhile() error {
	if !t.sharing.hidden {
		return nil
	}
	first := t.watch.begun == nil
	err := t.watch.idle()
	if err != nil && first {
		t.warn("build cache: the rest stays: %v", err)
	}
	return err
}
