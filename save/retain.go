package save

import (
	"fmt"
	"time"

	"github.com/org/gocache-action/internal/retention"
	"github.com/org/gocache-action/internal/snapshot"
)

// What a report of dropped things is made of.
type (
	Amount  = retention.Amount
	Dropped = retention.Dropped
)

// Trim says what was dropped from the snapshot, and why.
type Trim struct {
	// Off says why nothing was looked at: the job failed, or the clock of this machine cannot be right.
	Off  string `json:"off,omitempty"`
	Age  Amount `json:"age"`  // not used for MaxAge
	Size Amount `json:"size"` // did not fit
	// Used is the part of Size that this job used.
	Used    Amount            `json:"used"`
	Largest retention.Largest `json:"largest,omitempty"`
	// Modules and Build are what stays, with its bytes on disk.
	Modules Amount `json:"modules"`
	Build   Amount `json:"build"`
}

// policy is what the options ask for at the time of this save. off says why nothing may be dropped.
func (r *run) policy(own *snapshot.Manifest) (p retention.Policy, off string) {
	switch {
	case r.JobFailed:
		return p, "the job failed"
	case own != nil && r.isBefore(own):
		// Either this clock is wrong or that of the last save was. The next save finds this one's time, and clamps.
		r.tally.warn("nothing is trimmed: the last save was at %s, which is in the future of this machine", own.Writer.Time.Format(time.RFC3339))
		return p, "the clock of this machine is behind the last save"
	}
	return retention.Policy{
		Now: r.start, MaxAge: r.MaxAge, UsedSince: r.usedSince(),
		MaxSize: r.MaxSize, MaxModules: r.MaxModules, MaxBuild: r.MaxBuild,
	}, ""
}

// isBefore reports whether a manifest lies in the future of this machine, by more than clocks may differ.
func (r *run) isBefore(m *snapshot.Manifest) bool {
	return r.start.Add(retention.Skew).Before(m.Writer.Time)
}

// usedSince is the time from which on a use is one of this job; zero when there was no restore to tell.
func (r *run) usedSince() time.Time {
	if r.State == nil {
		return time.Time{}
	}
	return r.State.Time.Add(-useMargin)
}

// retain drops from modules and entries what the policy wants dropped, in place, and says so in the assembly.
// Both keep their order.
func (r *run) retain(own *snapshot.Manifest, mods []localModule, entries []entry) ([]localModule, []entry, Trim) {
	p, off := r.policy(own)
	if off != "" {
		return mods, entries, Trim{Off: off}
	}
	for i := range mods {
		mods[i].rec.LastUse = retention.Clamp(mods[i].rec.LastUse, r.start)
	}
	for i := range entries {
		entries[i].lastUse = retention.Clamp(entries[i].lastUse, r.start)
	}
	verdicts := retention.Decide(items(mods, entries), p)
	t := r.describeTrim(mods, entries, verdicts)
	return keep(mods, verdicts[:len(mods)]), keep(entries, verdicts[len(mods):]), t
}

// items lists modules, then entries.
func items(mods []localModule, entries []entry) []retention.Item {
	list := make([]retention.Item, 0, len(mods)+len(entries))
	for i, m := range mods {
		list = append(list, retention.Item{Kind: retention.Module, LastUse: m.rec.LastUse, Size: m.rec.Bytes, Content: int32(i)})
	}
	contents := map[snapshot.ID]int32{}
	for _, e := range entries {
		c, ok := contents[e.output]
		if !ok {
			c = int32(len(contents))
			contents[e.output] = c
		}
		list = append(list, retention.Item{Kind: retention.Build, LastUse: e.lastUse, Size: e.size, Content: c})
	}
	return list
}

// keep removes what is not kept, in place.
func keep[T any](list []T, verdicts []retention.Verdict) []T {
	n := 0
	for i, v := range verdicts {
		if v == retention.Kept {
			list[n] = list[i]
			n++
		}
	}
	clear(list[n:])
	return list[:n]
}

// describeTrim counts an output that several entries share with each of them that goes, but only once with those that stay.
func (r *run) describeTrim(mods []localModule, entries []entry, verdicts []retention.Verdict) (t Trim) {
	used := r.start.Add(-time.Hour).Unix() // without a restore to tell, that will do for a warning
	if r.State != nil {
		used = r.State.Time.Unix() // without the margin of usedSince, in which jobs just before this one may have used things
	}
	drop := func(v retention.Verdict, d Dropped) {
		if v == retention.TooOld {
			t.Age.Add(d.Bytes)
		} else if t.Size.Add(d.Bytes); d.LastUse.Unix() >= used {
			t.Used.Add(d.Bytes)
		}
		t.Largest.Add(d)
	}
	for i, m := range mods {
		if v := verdicts[i]; v == retention.Kept {
			t.Modules.Add(m.rec.Bytes)
		} else {
			drop(v, Dropped{Kind: "module", Name: m.version().String(), Bytes: m.rec.Bytes, LastUse: time.Unix(m.rec.LastUse, 0).UTC(), Reason: v.String()})
		}
	}
	seen := map[snapshot.ID]bool{}
	for i, e := range entries {
		v := verdicts[len(mods)+i]
		switch {
		case v != retention.Kept:
			drop(v, Dropped{Kind: "build entry", Name: fmt.Sprintf("%x", e.action[:8]), Bytes: e.size, LastUse: time.Unix(e.lastUse, 0).UTC(), Reason: v.String()})
		case seen[e.output]:
			t.Build.Count++
		default:
			seen[e.output] = true
			t.Build.Add(e.size)
		}
	}
	return t
}

// warnUsed tells when the bounds are too small for the job itself.
func (r *run) warnUsed(t Trim) {
	if t.Used.Count > 0 {
		r.tally.warn("the size limit is less than what this job used: %d of the modules and build entries that it used are not kept", t.Used.Count)
	}
}
