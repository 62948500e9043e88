package save

import "context"

// SmallSave is from how many new bytes on, uncompressed, a save in a pull request is worth an entry
// of the cache service of GitHub. With a core making about 3 MB of build outputs a second, the next
// job of the pull request makes less in two or three seconds on the usual four cores, which the
// requests of the save take as well. But the entries, of which each has the whole manifest, would
// push out others of the 10 GB that all branches share, and a repository may make 200 of them in a
// minute. What is left out is new in the next job once more, and saved when it has become enough.
const SmallSave = 8 << 20

// isWorth reports whether a plan has enough that is new (Options.LeastNew), and how much that is.
// Modules that other jobs have stored are not new, though this snapshot does not name them yet.
func (j job) isWorth(ctx context.Context, p planned) (enough bool, bytes int64, err error) {
	if j.LeastNew <= 0 {
		return true, 0, nil
	}
	for _, part := range p.parts {
		counts := countPlanned(part)
		if len(part.Jobs) > 0 && part.Jobs[0].Object != "" {
			if err := j.findModules(ctx, part.Jobs, &counts); err != nil {
				return false, 0, err
			}
		}
		bytes += counts.Bytes
	}
	return bytes >= j.LeastNew, bytes, nil
}
