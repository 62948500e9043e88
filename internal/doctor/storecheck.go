package doctor

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/web"
)

// slowStore is how long one request may take.
const slowStore = 2 * time.Second

// probePrefix begins the names of the objects that are written for a try. No snapshot names them,
// and gc leaves them alone.
const probePrefix = "doctor/"

// probeName is one that no object has.
func probeName() string { return probePrefix + strings.ToLower(rand.Text()) }

// openedStore is the store; done is true if a check has nothing to say beside found. Why a store
// cannot be opened is said by checkStore alone.
func (f *Facts) openedStore() (st store.Store, found []finding.Finding, done bool) {
	st, err := f.opened()
	switch {
	case err != nil:
		return nil, []finding.Finding{finding.Failf(finding.Run("gocache doctor --check store"), "the store cannot be opened")}, true
	case st == nil:
		return nil, []finding.Finding{finding.Okf("no store is named, and there is none in the user's cache; --store names one")}, true
	}
	return st, nil, false
}

func (f *Facts) hint(err error) finding.Remedy {
	if f.Hint == nil {
		return finding.Remedy{}
	}
	return finding.Advise(f.Hint(err))
}

// checkStore: the store answers, and takes the credentials.
func checkStore(ctx context.Context, f *Facts) []finding.Finding {
	if _, err := f.opened(); err != nil {
		return []finding.Finding{finding.Failf(f.hint(err), "%v", err)}
	}
	st, found, done := f.openedStore()
	if done {
		return found
	}
	if d, isDir := st.(*dir.Store); isDir {
		return checkDirStore(f, d)
	}
	var took []time.Duration
	for range 3 {
		start := time.Now()
		_, err := st.Stat(ctx, probeName())
		took = append(took, time.Since(start))
		if errors.Is(err, store.ErrDenied) {
			err = whyDenied(ctx, st, err)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return []finding.Finding{finding.Failf(f.hint(err), "%s: %v", st, err)}
		}
	}
	slices.Sort(took)
	text := fmt.Sprintf("%s answers in %v, the median of %d", st, took[1].Round(100*time.Microsecond), len(took))
	for _, note := range store.Notes(st) {
		text += "\n" + note
	}
	if took[1] > slowStore {
		return []finding.Finding{finding.Warnf(finding.Advise("use a bucket in the region of the machine"), "%s", text)}
	}
	return []finding.Finding{finding.Okf("%s", text)}
}

// whyDenied asks in a way whose answer has a body: that to HEAD does not tell a wrong key from a
// policy.
func whyDenied(ctx context.Context, st store.Store, denied error) error {
	r, _, err := st.Open(ctx, probeName(), 0, -1)
	if err != nil {
		return err
	}
	r.Close()
	return denied
}

// checkDirStore looks at the directory itself: that a store has no object of some name says little
// of it.
func checkDirStore(f *Facts, d *dir.Store) []finding.Finding {
	root := d.Root()
	info, err := os.Stat(root)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return []finding.Finding{finding.Okf("%s is not there yet: the first save makes it", d)}
	case err != nil:
		return []finding.Finding{finding.Failf(finding.Run(chown(root)), "%s: %v", d, err)}
	case !info.IsDir():
		return []finding.Finding{finding.Failf(finding.Advise("name another directory in --store"), "%s is a file", d)}
	}
	if writes, known := mayWrite(root); known && !writes {
		return []finding.Finding{finding.Warnf(own(f, place{"--store", root}, root, info).With("unless this job only reads"), "%s cannot be written to%s", d, belongs(f, info))}
	}
	v, err := f.volume(root)
	if err != nil {
		return []finding.Finding{finding.Okf("%s is there", d)}
	}
	return judgeSpace(d.String(), v, fewBytes, finding.Run("gocache gc --store "+finding.Word(root)).
		With("with --grace 0 it removes at once what failed saves have left, too, and not a day later: only while no job uses the store\nand save less: --max-size, --max-age"))
}

// A damager is a store that can be asked whether it refuses bytes that do not match their checksum.
type damager interface {
	RefusesDamage(ctx context.Context, name string) (refuses bool, err error)
}

// checkStoreWrites writes an object, reads it, and removes it, if it was asked to.
func checkStoreWrites(ctx context.Context, f *Facts) []finding.Finding {
	st, found, done := f.openedStore()
	if done {
		return found
	}
	err := store.Writable(ctx, st)
	c, cleans := st.(store.Collector)
	switch {
	case errors.Is(err, store.ErrReadOnly):
		return []finding.Finding{finding.Okf("not tried: %v", err)}
	case err != nil:
		return []finding.Finding{finding.Failf(f.hint(err), "%s: %v", st, err)}
	case !f.WriteProbe:
		return []finding.Finding{finding.Okf("not tried: with --write-probe an object is written below %s, read and removed", probePrefix)}
	case !cleans:
		return []finding.Finding{unknown("not tried: what is written to %s cannot be removed again", st)}
	}
	return roundTrip(f, ctx, c)
}

// roundTrip tries all that a save and a restore need of a store.
func roundTrip(f *Facts, ctx context.Context, c store.Collector) []finding.Finding {
	name := probeName()
	defer func() {
		ctx, cancel := store.Cleanup(ctx, 5*time.Second, nil)
		defer cancel()
		c.Delete(ctx, []string{name})
	}()
	start := time.Now()
	body := bytes.Repeat([]byte("gocache doctor "), 300)
	put := func(data []byte, cond store.Condition) (store.Info, error) {
		return c.Put(ctx, name, bytes.NewReader(data), int64(len(data)), cond)
	}
	changed := append(slices.Clone(body), "changed"...)
	wrong, written := conditions(f, put, body, changed)
	if !written {
		return wrong
	}
	data, info, err := store.Get(ctx, c, name, 1<<20)
	switch {
	case err != nil:
		return append(wrong, finding.Failf(f.hint(err), "what was written cannot be read: %v", err))
	case !bytes.Equal(data, changed):
		return append(wrong, finding.Failf(finding.Advise("use another server"), "what is read is not what was written last: no snapshot can be trusted there"))
	}
	wrong = append(wrong, damage(f, ctx, c)...)
	if ago := f.Now().Sub(info.ModTime); !info.ModTime.IsZero() && ago.Abs() > clockWarns {
		wrong = append(wrong, finding.Warnf(finding.Advise("set the clock of this machine, or of the server"), "the store says that an object of this moment was written %v ago", ago.Round(time.Second)))
	}
	if failed := c.Delete(ctx, []string{name}); len(failed) > 0 {
		wrong = append(wrong, finding.Warnf(finding.Advise("nothing for jobs; gc needs the permission to delete"), "what was written cannot be removed: %v", failed[name]))
	}
	took := time.Since(start).Round(time.Millisecond)
	return or(wrong, finding.Okf("%s: written, replaced under a condition, read and removed in %v", c, took))
}

// conditions writes an object, and replaces it, each under a condition that holds and one that does
// not. written is false if that cannot be done at all.
func conditions(f *Facts, put func([]byte, store.Condition) (store.Info, error), body, changed []byte) (wrong []finding.Finding, written bool) {
	remedy := finding.Advise("add conditional-writes=false to the URL of the store, or use a server that has them: without them, of two saves at once one is lost")
	absent := store.Condition{IfAbsent: true}
	first, err := put(body, absent)
	if errors.Is(err, store.ErrNoConditions) {
		if _, err = put(changed, store.Condition{}); err == nil {
			return []finding.Finding{finding.Warnf(remedy, "the store has no conditional writes")}, true
		}
	}
	if err != nil {
		return []finding.Finding{finding.Failf(f.hint(err), "an object cannot be written: %v", err)}, false
	}
	_, twice := put(body, absent)
	_, err = put(changed, store.Condition{IfMatch: first.Version})
	if err != nil {
		return []finding.Finding{finding.Failf(f.hint(err), "an object cannot be replaced under a condition that holds: %v", err)}, false
	}
	_, late := put(changed, store.Condition{IfMatch: first.Version})
	for _, err := range []error{twice, late} {
		switch {
		case err == nil:
			return []finding.Finding{finding.Warnf(remedy, "the store takes conditional writes and ignores their conditions")}, true
		case !errors.Is(err, store.ErrConflict):
			return []finding.Finding{finding.Failf(f.hint(err), "a conditional write: %v", err)}, false
		}
	}
	return nil, true
}

// damage has the store refuse bytes that do not match their CRC32C.
func damage(f *Facts, ctx context.Context, c store.Collector) []finding.Finding {
	d, can := c.(damager)
	if !can {
		return nil
	}
	name := probeName()
	refuses, err := d.RefusesDamage(ctx, name)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil
	case err != nil:
		return []finding.Finding{unknown("whether the store compares checksums: %v", err)}
	case refuses:
		return nil
	}
	c.Delete(ctx, []string{name})
	return []finding.Finding{finding.Warnf(finding.Advise("use a server that does; gocache notices damage when it reads, not when it writes"),
		"the store does not compare what it gets with its checksum (CRC32C)")}
}

// A clock is a store that says what time it is.
type clock interface {
	ServerTime(ctx context.Context) (time.Time, error)
}

// checkStoreClock: the clock here agrees with that of the store.
func checkStoreClock(ctx context.Context, f *Facts) []finding.Finding {
	st, found, done := f.openedStore()
	if done {
		return found
	}
	switch st := st.(type) {
	case clock:
		before := f.Now()
		now, err := st.ServerTime(ctx)
		after := f.Now()
		if err != nil {
			return []finding.Finding{unknown("%v", err)}
		}
		ahead := now.Sub(before.Add(after.Sub(before) / 2))
		// no cache stands between a bucket and who signs
		return []finding.Finding{judgeClock([]reading{{st.(store.Store).String(), ahead}, {"", ahead}})}
	case *web.Store:
		u, err := url.Parse(st.String())
		if err != nil {
			return nil
		}
		if r := readClock(f, ctx, u); r != nil {
			return []finding.Finding{judgeClock([]reading{*r})}
		}
	case *dir.Store:
		return []finding.Finding{finding.Okf("%s has the clock of this machine, or that of a share, which --write-probe tells", st)}
	}
	return []finding.Finding{unknown("%s does not tell the time", st)}
}
