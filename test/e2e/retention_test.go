package e2e

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/restore"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

var epoch = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

func entryNames(prefix string, n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprint(prefix, i))
	}
	return list
}

// TestHourlyAndSixDaily: an hourly job and one that runs every six days on the same key both find
// everything they need. Entries that only the first run needed are dropped after the maximum age.
func TestHourlyAndSixDaily(t *testing.T) {
	m := newMachine(t, e2etest.DirStore(t, filepath.Join(t.TempDir(), "store")))
	hourly, rare := entryNames("hourly", 5), entryNames("rare", 5)
	m.job(epoch, append(entryNames("once", 5), append(hourly, rare...)...))
	writes := 0
	for h := 1; h <= 16*24; h++ {
		at := epoch.Add(time.Duration(h) * time.Hour)
		if missed := m.job(at, hourly); missed > 0 {
			t.Fatalf("hour %d: the hourly job missed %d entries", h, missed)
		}
		if m.saved.Written {
			writes++
		}
		if h%(6*24) == 0 {
			if missed := m.job(at.Add(30*time.Minute), rare); missed > 0 {
				t.Fatalf("day %d: the rare job missed %d entries", h/24, missed)
			}
		}
	}
	if m.has("once0") {
		t.Error("an entry that was not used for 16 days is still there")
	}
	if writes > 18 {
		t.Errorf("%d of 384 saves of an unchanged job wrote a manifest, want about one a day", writes)
	}
}

// TestHourlyAndSixDailyGo does the same with the go command and its caches. The clock of the go
// command cannot be set, so the past is simulated: after each job, the entries that it has just
// marked as used get the simulated time. One job a day stands for the hourly ones.
func TestHourlyAndSixDailyGo(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	shared.Reset(t)
	start := time.Now().Add(-13 * day)
	setMarks(t, shared.Build, time.Time{}, start)
	shared.Save(t, st, func(o *save.Options) { o.Now = func() time.Time { return start.Add(time.Hour) } })
	job := func(at time.Time, args ...string) string {
		t.Helper()
		shared.Wipe(t)
		res := shared.Restore(t, st, func(o *restore.Options) { o.Now = func() time.Time { return at } })
		// Otherwise the go command would trim the cache, since for it the restore was days ago.
		e2etest.Must(t, os.WriteFile(filepath.Join(shared.Build, "trim.txt"), strconv.AppendInt(nil, time.Now().Unix(), 10), 0o644))
		began := time.Now()
		out, err := shared.GoCommand("off", args...)
		if err != nil {
			t.Fatalf("go %v: %v: %s", args, err, out)
		}
		setMarks(t, shared.Build, began, at.Add(time.Minute))
		shared.Save(t, st, func(o *save.Options) {
			o.State, o.MaxAge, o.Now = &res.State, 14*day, func() time.Time { return at.Add(5 * time.Minute) }
		})
		return out
	}
	for h := 24; h <= 12*24; h += 24 {
		at := start.Add(time.Duration(h) * time.Hour)
		if out := job(at, "build", "-x", "./lib"); e2etest.Tool.MatchString(out) {
			t.Fatalf("hour %d: go build compiled: %s", h, e2etest.Tool.FindString(out))
		}
		if h%(6*24) == 0 {
			for _, args := range [][]string{{"vet", "-x", "./..."}, {"test", "-x", "-run", "NONE", "./..."}} {
				if out := job(at.Add(time.Hour), args...); e2etest.Tool.MatchString(out) {
					t.Fatalf("hour %d: go %s compiled: %s", h, args[0], e2etest.Tool.FindString(out))
				}
			}
		}
	}
}

// setMarks sets the time of all entries that were marked as used after since.
func setMarks(t *testing.T, dir string, since, to time.Time) {
	t.Helper()
	e2etest.Must(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(p, "-a") && !strings.HasSuffix(p, "-d") {
			return err
		}
		st, err := d.Info()
		if err == nil && st.ModTime().After(since) {
			err = os.Chtimes(p, to, to)
		}
		return err
	}))
}

// TestClockSkew: machines whose clocks are a day ahead and a day behind share a key. Entries that
// any of them uses are kept. Entries that none uses are dropped, at most two days late, which is
// the difference between the clocks.
func TestClockSkew(t *testing.T) {
	st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
	var machines []*machine
	for _, skew := range []time.Duration{0, day, -day} {
		m := newMachine(t, st)
		m.skew = skew
		machines = append(machines, m)
	}
	gone := 0
	for d := range 40 {
		for i, m := range machines {
			uses := []string{"all", fmt.Sprint("of machine ", i)}
			if d == 0 {
				uses = append(uses, "first day")
			}
			if missed := m.job(epoch.Add(time.Duration(24*d+i)*time.Hour), uses); missed > 0 && (d > 0 || missed > len(uses)) {
				t.Fatalf("day %d, machine %d: %d entries were lost", d, i, missed)
			}
		}
		if gone == 0 && !machines[0].has("first day") {
			gone = d
		}
	}
	if gone < 13 || gone > 16 {
		t.Errorf("an entry that was used on day 0 was dropped on day %d, want day 14 give or take the skew", gone)
	}
}

// TestWrongClock: a machine whose clock is far in the future or in the past neither makes other
// machines lose entries nor keeps entries forever.
func TestWrongClock(t *testing.T) {
	for _, skew := range []time.Duration{10 * 365 * day, -365 * day} {
		st := e2etest.DirStore(t, filepath.Join(t.TempDir(), "store"))
		good, bad := newMachine(t, st), newMachine(t, st)
		bad.skew = skew
		bad.job(epoch, []string{"used", "once"})
		good.job(epoch.Add(time.Hour), []string{"used"})
		if skew > 0 && good.saved.Trim.Off == "" && !good.has("once") {
			t.Errorf("skew %v: lost at once", skew)
		}
		for d := 1; d <= 30; d++ {
			if missed := good.job(epoch.Add(time.Duration(d)*day), []string{"used"}); missed > 0 {
				t.Fatalf("skew %v, day %d: an entry that is used every day was lost", skew, d)
			}
		}
		if good.has("once") {
			t.Errorf("skew %v: an entry with a time from the wrong clock is kept forever", skew)
		}
		bad.job(epoch.Add(30*day+time.Hour), []string{"used"})
		if skew < 0 { // it must not drop entries that seem to be from the future
			if missed := good.job(epoch.Add(30*day+2*time.Hour), []string{"used"}); missed > 0 {
				t.Errorf("skew %v: an entry that the others use was lost", skew)
			}
		}
	}
}

// TestSizeBelowUse: a size limit is kept even if one job uses more than that, with a warning, and
// the entries used last are kept.
func TestSizeBelowUse(t *testing.T) {
	m := newMachine(t, e2etest.DirStore(t, filepath.Join(t.TempDir(), "store")))
	m.size = 1000
	m.with = func(o *save.Options) { o.MaxSize = 10_500 }
	m.job(epoch, entryNames("old", 10))
	m.job(epoch.Add(day), entryNames("new", 20))
	if len(m.saved.Warnings) != 1 || m.saved.Trim.Used.Count != 10 || m.saved.Trim.Size.Count != 20 || m.saved.Trim.Build.Bytes > 10_500 {
		t.Errorf("save: %+v", m.saved)
	}
	s := m.stored()
	if len(s.Actions) != 10 || m.has("old0") {
		t.Errorf("%d entries are left, old ones among them: %v", len(s.Actions), m.has("old0"))
	}
	m.with = func(o *save.Options) { o.MaxSize = 40_500 }
	m.job(epoch.Add(2*day), entryNames("new", 20))
	m.job(epoch.Add(3*day), entryNames("newer", 15))
	m.job(epoch.Add(4*day), entryNames("newest", 15))
	if len(m.saved.Warnings) > 0 || m.saved.Trim.Used.Count > 0 || m.saved.Trim.Size.Count != 10 {
		t.Errorf("save with room: %+v", m.saved)
	}
}

// TestFailedJob: a job that failed adds entries and drops none, whatever the limits on age and
// size.
func TestFailedJob(t *testing.T) {
	m := newMachine(t, e2etest.DirStore(t, filepath.Join(t.TempDir(), "store")))
	m.job(epoch, entryNames("old", 10))
	m.with = func(o *save.Options) { o.JobFailed, o.MaxSize = true, 1 }
	m.job(epoch.Add(30*day), entryNames("new", 3))
	if n := len(m.stored().Actions); n != 13 || m.saved.Build.Trimmed != 0 || m.saved.Trim.Off == "" {
		t.Errorf("%d entries, want 13: %+v", n, m.saved)
	}
	m.with = nil
	m.job(epoch.Add(31*day), entryNames("new", 3))
	if n := len(m.stored().Actions); n != 3 {
		t.Errorf("after the next job that succeeded: %d entries, want 3", n)
	}
}

// TestReadOnly: a read-only job writes nothing at all.
func TestReadOnly(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	m := newMachine(t, e2etest.DirStore(t, root))
	m.with = func(o *save.Options) { o.ReadOnly = true }
	m.job(epoch, entryNames("x", 3))
	if _, err := os.Stat(root); err == nil || !m.saved.ReadOnly || m.saved.Written {
		t.Errorf("the store exists (%v), save: %+v", err, m.saved)
	}
}

// TestRepackNeedsAll: a pack with live entries that are not in the local cache is kept until a save
// has all of them.
func TestRepackNeedsAll(t *testing.T) {
	m := newMachine(t, e2etest.DirStore(t, filepath.Join(t.TempDir(), "store")))
	m.size = 10_000
	m.job(epoch, append(entryNames("live", 4), entryNames("dead", 16)...))
	partial := newMachine(t, m.st)
	partial.size = m.size
	// The job has lost what it restored, as after a full disk, and uses only one entry.
	at := epoch.Add(10 * day)
	m.job(at, entryNames("live", 4))
	o := save.Options{Store: m.st, Repo: "r", Scope: e2etest.MainScope, Keys: e2etest.SomePlan(t), BuildDir: partial.dir, MaxAge: 9 * day, Now: func() time.Time { return at.Add(day) }}
	partial.use("live0", at.Add(day))
	_, err := save.Run(context.Background(), o)
	e2etest.Must(t, err)
	if s := m.stored(); len(s.Actions) != 4 {
		t.Fatalf("%d entries, want 4", len(s.Actions))
	}
	for _, name := range entryNames("live", 4) {
		if !m.has(name) {
			t.Errorf("%s was lost", name)
		}
	}
	if missed := m.job(at.Add(2*day), entryNames("live", 4)); missed > 0 {
		t.Errorf("%d entries cannot be restored", missed)
	}
	s := m.stored()
	for i, live := range s.LiveBytes() {
		if live < s.Packs[i].Raw/2 {
			t.Errorf("a save that had everything left a pack with %d live bytes of %d", live, s.Packs[i].Raw)
		}
	}
}
