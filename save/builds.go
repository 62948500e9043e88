package save

import (
	"github.com/org/gocache-action/internal/buildenv"
	"github.com/org/gocache-action/internal/snapshot"
)

// fewReused says when it is worth telling that the job was built with other things than the
// snapshot: it made at least one entry for so many that it reused. With fewer the go command may
// have been given flags that make up for the difference, such as -trimpath.
const fewReused = 10

// mergeBuilds notes with what the entries of the snapshot were made: by this job, and by those
// whose entries it takes over, as long as they have not aged.
func (r *run) mergeBuilds(m, own *snapshot.Manifest) {
	for _, old := range append(r.restored(), own) {
		if old == nil {
			continue
		}
		for _, b := range old.Builds {
			if r.BuildDir == "" || r.MaxAge <= 0 || b.LastUse >= r.start.Add(-r.MaxAge).Unix() {
				m.AddBuild(b)
			}
		}
	}
	if r.BuildDir != "" && len(r.BuiltWith) > 0 {
		m.AddBuild(snapshot.Build{With: r.BuiltWith, LastUse: r.start.Unix()})
	}
}

// restored lists the snapshot that the restore of this job found, if it is still known.
func (r *run) restored() (list []*snapshot.Manifest) {
	for _, m := range r.prev.manifests {
		if r.State != nil && r.State.Matched != nil && m.Scope == r.State.Matched.Scope && m.Writer.Time.Equal(r.State.Matched.Saved) {
			list = append(list, m)
		}
	}
	return list
}

// sameBuilds reports whether two manifests tell the next job the same.
func sameBuilds(a, b *snapshot.Manifest) bool {
	if len(a.Builds) != len(b.Builds) {
		return false
	}
	used := map[string]int64{}
	for _, x := range b.Builds {
		used[x.String()] = x.LastUse
	}
	for _, x := range a.Builds {
		if last, ok := used[x.String()]; !ok || stale(x.LastUse, last) {
			return false
		}
	}
	return true
}

// warnBuiltWith says why the job made so much anew, if the snapshot that it restored was made with
// other things.
func (r *run) warnBuiltWith() {
	u := r.reuse
	if u == nil || u.Made == 0 || u.Made*fewReused < u.Reused || len(r.State.Differs) == 0 {
		return
	}
	r.tally.add(func(res *Result) { res.Differs = r.State.Differs })
	r.tally.warn("the job made %d build entries and reused %d: the snapshot that it restored was saved %s", u.Made, u.Reused, buildenv.Explain(r.State.Differs))
}
