package build

import (
	"context"
	"io/fs"
	"slices"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
)

// ScanOptions say what a save wants to know of a build cache.
type ScanOptions struct {
	Dir  string
	Fuzz bool // list the fuzzing corpus
	// Known says that the store has a snapshot of the same module files.
	Known bool
	// StableTimes says that the files of the project have times that depend on their content only.
	StableTimes bool
	// What the go command of the job sees: it proves of entries that no file times are in them.
	GoVersion, GOROOT, GOMODCACHE string
	Getenv                        func(string) (string, bool)
	Modules                       map[module.Version]string // of go.sum
	// Mentions are paths of modules. New entries whose outputs mention one are left out.
	Mentions []string
	// Own tells the packages of the project, and is called at most once, on a machine that keeps
	// its build cache. Nil: all are.
	Own func(context.Context) (Own, error)
	// Public says that anybody can read what is saved.
	Public bool
	// Memory, unless it is nil, is told how many bytes the lists take while they are made.
	Memory func(bytes int64)
}

// Found is what a scan finds out beside the entries.
type Found struct {
	Local Local
	Fuzz  []buildcache.File
	Reuse *Reuse // nil: no restore told
	// Timed is how many new entries were left out because they rest on times of files.
	Timed int
	// Unused is how many entries were left out because this job did not use them, and no snapshot
	// has them; Foreign is how many are of other projects, and ForeignModules are about the paths
	// of their modules.
	Unused, Foreign int
	ForeignModules  []string
	// Withheld is how many new entries were left out because of Mentions.
	Withheld int
	// Unreadable is how many files this user may not read.
	Unreadable int
}

// scanner is at work on one cache. It belongs to one goroutine.
type scanner struct {
	collect.Env
	ScanOptions
	cache *buildcache.Cache
	inv   *buildcache.Inventory
	found Found
}

// Scan lists the build cache, and finds out what the job used. The only error is that of ctx.
func Scan(ctx context.Context, env collect.Env, o ScanOptions) (Found, error) {
	s := &scanner{Env: env, ScanOptions: o, cache: buildcache.Open(o.Dir)}
	inv, err := s.cache.Scan(ctx, buildcache.ScanOptions{Fuzz: o.Fuzz, Memory: o.Memory})
	if err != nil {
		return Found{}, err
	}
	s.inv = inv
	s.warnUnreadable()
	s.forgetUnused()
	if err := s.forgetOthers(ctx); err != nil {
		return Found{}, err
	}
	if err := s.forgetTimed(ctx); err != nil {
		return Found{}, err
	}
	if err := s.forgetMentions(ctx); err != nil {
		return Found{}, err
	}
	s.forgetIndexes()
	s.found.Reuse = s.reuse()
	s.found.Fuzz = inv.Fuzz
	s.found.Local = New(s.cache, inv, s.lastUse)
	return s.found, nil
}

// lastUse decides when an entry was used last, in Unix seconds. Its time tells a use by this job.
// An earlier time is of no account where a snapshot knows the last use: the restore set it, or a
// job of another project on the same machine.
func (s *scanner) lastUse(e buildcache.Local) int64 {
	before := s.Stock.LastUse(e.Action)
	if before != 0 && s.IsUnused(time.Unix(0, e.ActionTime)) {
		return before
	}
	return max(before, min(e.ActionTime/int64(time.Second), s.Start.Unix()))
}

// warnUnreadable says what this user may not read: a container, sudo or another user of the machine
// made it. It is compiled anew in each job.
func (s *scanner) warnUnreadable() {
	skips := collect.NewSkips("build cache", s.Dir)
	for _, err := range s.inv.Unread {
		skips.Add("directory", "", err)
	}
	for _, b := range s.inv.Broken {
		if b.Unreadable {
			s.found.Unreadable++
			skips.Add("file", b.Path, fs.ErrPermission)
		}
	}
	skips.Warn(s.Warn)
}

// forgetUnused leaves new entries out that this job neither made nor used.
func (s *scanner) forgetUnused() {
	all := len(s.inv.Entries)
	s.inv.Entries = slices.DeleteFunc(s.inv.Entries, func(e buildcache.Local) bool {
		return s.IsUnused(time.Unix(0, e.ActionTime)) && s.Stock.LastUse(e.Action) == 0
	})
	s.found.Unused = all - len(s.inv.Entries)
}

// forgetIndexes leaves new package indexes out where nothing else was made. The go command names
// the index of a package of the main module by its directory and the times of its files
// (cmd/go/internal/modindex), so that each fresh checkout has new ones, which no other job can use:
// without this, a job that compiled nothing would write a snapshot all the same. Beside other new
// outputs they are saved, as some are of modules; they age.
func (s *scanner) forgetIndexes() {
	if !s.Known {
		return
	}
	// its output may be stored: two indexes can be equal
	isNew := func(e buildcache.Local) bool { return s.Stock.LastUse(e.Action) == 0 }
	for _, e := range s.inv.Entries {
		if isNew(e) && !s.isIndex(e.Output) {
			return
		}
	}
	s.inv.Entries = slices.DeleteFunc(s.inv.Entries, isNew)
}

func (s *scanner) isIndex(output digest.ID) bool {
	o, _ := s.inv.Output(output)
	kind, err := s.cache.Kind(o)
	return err == nil && kind == goentry.KindIndex
}

// Reuse says what the job got out of the snapshot that its restore found.
type Reuse struct {
	Reused int `json:"reused"` // build entries of the snapshot that the job used
	Made   int `json:"made"`   // build entries that the job made, or made again
	// Seconds estimates how long it took to make what was reused: see docs/summary.md.
	Seconds float64 `json:"seconds"`
}

// longestGap is the longest distance between two entries that counts as the time it took to make
// the second. In a longer one the time passed with something else: a link, tests, another step of
// the job, the night before the next commit. An action that takes longer all by itself is not
// counted then, so that the estimate is rather too low.
const longestGap = 10 * time.Second

// reuse compares the build cache with the snapshot. It returns nil where nothing can be known:
// without the notes of a restore.
//
// That an entry was used, its mtime tells: the restore made it old, and the go command renewed it.
// How long it took to make is stored nowhere, but when it was made is, and the entry before it:
// while a build runs, the distances between the entries in the order of their times add up to the
// time of the build, on as many cores as it had.
func (s *scanner) reuse() *Reuse {
	if s.State == nil {
		return nil
	}
	u := new(Reuse)
	began, usedSince, ended := s.State.Time.UnixNano(), s.UsedSince().UnixNano(), s.Start.UnixNano()
	times := make([]int64, 0, 2*len(s.inv.Entries))
	var reused []int64
	for _, e := range s.inv.Entries {
		times = append(times, e.Time)
		switch {
		case e.Time >= ended: // by the go command that this save asks which modules are in use
		case e.Time >= began:
			u.Made++
		case s.State.Matched != nil && e.ActionTime >= usedSince && e.ActionTime < ended && s.Stock.LastUse(e.Action) != 0:
			u.Reused++
			reused = append(reused, e.Time)
		}
	}
	for _, m := range s.Stock.Manifests() {
		for _, a := range m.Actions {
			times = append(times, a.Time)
		}
	}
	u.Seconds = builtIn(times, reused).Seconds()
	return u
}

// builtIn adds up the distances from each of the entries made at the times in reused to the one
// before it, of all that are known. It sorts both.
func builtIn(times, reused []int64) (sum time.Duration) {
	slices.Sort(times)
	slices.Sort(reused)
	for _, t := range slices.Compact(reused) {
		if i, _ := slices.BinarySearch(times, t); i > 0 {
			if gap := time.Duration(t - times[i-1]); gap <= longestGap {
				sum += gap
			}
		}
	}
	return sum
}
