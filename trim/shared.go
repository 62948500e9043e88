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
	all    bool   // so all entries stay
}

// findSharing finds out whether several users use the build cache in dir.
func findSharing(dir string, inv *buildcache.Inventory, w watch) (s sharing) {
	if len(inv.Owners) == 0 {
		return s
	}
	other := w.other(inv.Owners[0])
	switch {
	case len(inv.Owners) > 1:
		s.among = "its entries belong to several users"
	case other != "":
		s.among = "a go command of another user is running, " + other
	case inv.Writable:
		s.among = "several users may write to it"
	}
	s.hidden = s.among != "" && !osfile.RecordsReads(dir)
	return s
}

// other names a go command of a user who may not mark what this owner's is, "" if there is none.
func (w *watch) other(owner int) string {
	i := slices.IndexFunc(w.seen, func(g GoCommand) bool { return g.User != 0 && g.User != owner })
	if i < 0 {
		return ""
	}
	return w.seen[i].Name
}

// use is when an entry was last used, in nanoseconds since the epoch.
func (s sharing) use(e buildcache.Local) int64 {
	if s.among != "" {
		return max(e.ActionTime, e.ActionRead)
	}
	return e.ActionTime
}

// every is how old the mark of a use may be that is not renewed.
func (s sharing) every() time.Duration {
	if s.among != "" {
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
	if t.sharing.all = len(t.candidates) > 0; t.sharing.all {
		t.warn("build cache: all entries stay: %s, the file system does not record what is read, and %s", t.sharing.among, why)
	}
}
