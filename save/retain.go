package save

import (
	"fmt"
	"iter"
	"time"

	"github.com/org/gocache-action/internal/idindex"
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
	// Off says why nothing was looked at: the job failed, or the clock of this machine cannot be
	// right.
	Off  string `json:"off,omitempty"`
	Age  Amount `json:"age"`  // not used for MaxAge
	Size Amount `json:"size"` // did not fit
	// Programs of go run and go tool went because newer ones have their names.
	Programs Amount `json:"programs"`
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
		// Either this clock is wrong or that of the last save was. The next save finds this one's
		// time, and clamps.
		r.tally.warn("nothing is trimmed: the last save was at %s, which is in the future of this machine", own.Writer.Time.Format(time.RFC3339))
		return p, "the clock of this machine is behind the last save"
	}
	return retention.Policy{
		Now: r.start, MaxAge: r.MaxAge, UsedSince: r.usedSince(), JobBegan: r.began(),
		MaxSize: r.MaxSize, MaxModules: r.MaxModules, MaxBuild: r.MaxBuild,
	}, ""
}

// isBefore reports whether a manifest lies in the future of this machine, by more than clocks may
// differ.
func (r *run) isBefore(m *snapshot.Manifest) bool {
	return r.start.Add(retention.Skew).Before(m.Writer.Time)
}

// usedSince is the time from which on a use is one of this job; zero when there was no restore to
// tell.
func (r *run) usedSince() time.Time {
	if r.State == nil {
		return time.Time{}
	}
	return r.State.Time.Add(-useMargin)
}

// began is when the restore of this job did; zero when there was none.
func (r *run) began() time.Time {
	if r.State == nil {
		return time.Time{}
	}
	return r.State.Time
}

// retain drops from modules and entries what the policy wants dropped, and says so in the assembly.
// Both keep their order; modules are dropped in place.
func (r *run) retain(own *snapshot.Manifest, mods []localModule, entries iter.Seq[entry], a *assembly) ([]localModule, iter.Seq[entry]) {
	p, off := r.policy(own)
	if off != "" {
		a.trim = Trim{Off: off}
		return mods, entries
	}
	for i := range mods {
		mods[i].rec.LastUse = retention.Clamp(mods[i].rec.LastUse, r.start)
	}
	entries = r.clamped(entries)
	list, contents := items(mods, entries, r.expected(own))
	verdicts := retention.Decide(list, p)
	a.trim = r.describeTrim(mods, entries, list, verdicts, contents)
	ofEntries := verdicts[len(mods):]
	for _, v := range ofEntries {
		if v != retention.Kept {
			a.trimmed.actions++
		}
	}
	return keep(mods, verdicts[:len(mods)]), keepEntries(entries, ofEntries)
}

func (r *run) clamped(entries iter.Seq[entry]) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		for e := range entries {
			e.lastUse = retention.Clamp(e.lastUse, r.start)
			if !yield(e) {
				return
			}
		}
	}
}

// items lists modules, then entries, of which about n are expected. It returns how many contents
// the entries have.
func items(mods []localModule, entries iter.Seq[entry], n int) (list []retention.Item, contents int) {
	list = make([]retention.Item, 0, len(mods)+n)
	for i, m := range mods {
		list = append(list, retention.Item{Kind: retention.Module, LastUse: m.rec.LastUse, Size: m.rec.Bytes, Content: int32(i)})
	}
	outputs := make([]snapshot.ID, 0, n)
	index := idindex.New(n, func(i int32) *snapshot.ID { return &outputs[i] })
	programs := map[string]int32{}
	for e := range entries {
		if _, ok := programs[e.exec]; !ok && e.exec != "" {
			programs[e.exec] = int32(len(programs) + 1)
		}
		outputs = append(outputs, e.output)
		content, added := index.Add(int32(len(outputs) - 1))
		if !added {
			outputs = outputs[:len(outputs)-1]
		}
		list = append(list, retention.Item{Kind: retention.Build, LastUse: e.lastUse, Size: e.size, Content: content, Program: programs[e.exec]})
	}
	return list, len(outputs)
}

// keepEntries passes over what is not kept.
func keepEntries(entries iter.Seq[entry], verdicts []retention.Verdict) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		i := 0
		for e := range entries {
			if verdicts[i] == retention.Kept && !yield(e) {
				return
			}
			i++
		}
	}
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

// describeTrim counts an output that several entries share with each of them that goes, but only
// once with those that stay.
func (r *run) describeTrim(mods []localModule, entries iter.Seq[entry], list []retention.Item, verdicts []retention.Verdict, contents int) (t Trim) {
	used := r.start.Add(-time.Hour).Unix() // without a restore to tell, that will do for a warning
	if r.State != nil {
		// without the margin of usedSince, in which jobs just before this one may have used things
		used = r.State.Time.Unix()
	}
	drop := func(v retention.Verdict, d Dropped) {
		switch v {
		case retention.TooOld:
			t.Age.Add(d.Bytes)
		case retention.Superseded:
			t.Programs.Add(d.Bytes)
		default:
			if t.Size.Add(d.Bytes); d.LastUse.Unix() >= used {
				t.Used.Add(d.Bytes)
			}
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
	seen := make([]bool, contents)
	i := len(mods)
	for e := range entries {
		v, content := verdicts[i], list[i].Content
		i++
		switch {
		case v != retention.Kept:
			kind, name := "build entry", fmt.Sprintf("%x", e.action[:8])
			if e.exec != "" {
				kind, name = "program", e.exec
			}
			drop(v, Dropped{Kind: kind, Name: name, Bytes: e.size, LastUse: time.Unix(e.lastUse, 0).UTC(), Reason: v.String()})
		case seen[content]:
			t.Build.Count++
		default:
			seen[content] = true
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
