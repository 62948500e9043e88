package save

import "context"

// SmallSave is from how many new bytes on, uncompressed, a save in a pull request is worth an entry
// of the cache service of GitHub. With a core making about 3 MB of build outputs a second, the next
// job of the pull request makes less in two or three seconds on the usual four cores, which the
// requests of the save take as well. But the entries, of which each has the whole manifest, would
// push out others of the 10 GB that all branches share, and a repository may make 200 of them in a
// minute. What is left out is new in the next job once more, and saved when it has become enough.
const SmallSave = 8 << 20

// counts sums up what a plan would upload, kind by kind, without modules that the store has from
// other jobs: they are not new, though this snapshot does not name them yet.
func (j job) counts(ctx context.Context, p planned) (list [kinds]PlanCounts, err error) {
	for i, part := range p.parts {
		list[i] = countPlanned(part)
	}
	err = j.findModules(ctx, p.parts[kindModules].Jobs, &list[kindModules])
	return list, err
}

// newBytes is how much is new, which has to be Options.LeastNew for anything to be written.
func newBytes(list [kinds]PlanCounts) (n int64) {
	for _, c := range list {
		n += c.Bytes
	}
	return n
}

// tooFew reports whether a plan has less that is new than a save has to have, and how many bytes it
// has then. Without such a bound the store is not asked.
func tooFew(ctx context.Context, j job, p planned) (few bool, n int64, err error) {
	if j.LeastNew == 0 {
		return false, 0, nil
	}
	counts, err := j.counts(ctx, p)
	if n = newBytes(counts); err != nil || n >= j.LeastNew {
		return false, 0, err
	}
	return true, n, nil
}
