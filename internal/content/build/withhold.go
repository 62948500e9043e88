package build

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
)

// forgetMentions leaves new entries out whose output mentions one of the paths of modules in
// Mentions. What was compiled of a module names its files, what imports it names its packages, and
// so do programs, results of tests and the notes of vet. An output that cannot be read could
// mention any, and so could an index: that of a package has what its sources say, and not the path
// of its module. Only the indexes of modules that are not private are known to say nothing.
func (s *scanner) forgetMentions(ctx context.Context) error {
	if len(s.Mentions) == 0 {
		return nil
	}
	public := map[digest.ID]bool{}
	s.proveIndexes(public, s.Mentions)
	gone := make([]bool, len(s.inv.Entries)) // each worker has one of them
	index := make([]bool, len(s.inv.Entries))
	err := install.Each(ctx, len(gone), 2*runtime.GOMAXPROCS(0), func(i int) {
		if e := s.inv.Entries[i]; !s.Stock.HasEntry(e.Action, e.Output) {
			if index[i] = s.isIndex(e.Output); index[i] {
				gone[i] = !public[e.Action]
				return
			}
			o, _ := s.inv.Output(e.Output)
			found, err := s.has(o, s.Mentions)
			gone[i] = found || err != nil
		}
	})
	if err != nil {
		return err
	}
	i := 0
	s.inv.Entries = slices.DeleteFunc(s.inv.Entries, func(buildcache.Local) bool {
		i++
		if gone[i-1] && !index[i-1] { // nearly all indexes are of the project itself
			s.found.Withheld++
		}
		return gone[i-1]
	})
	return nil
}

// has reports whether an output contains one of the texts.
func (s *scanner) has(o buildcache.Output, texts []string) (bool, error) {
	in, err := s.cache.OpenOutput(o)
	if err != nil {
		return false, err
	}
	defer in.Close()
	return contains(in, texts)
}

// searchWindow is how much of an output is searched at once.
const searchWindow = 256 << 10

// contains reports whether what in has contains any of the paths, whatever stands beside it: the
// tables of object files and export data have nothing between two strings, so that a path can be
// followed by the beginning of another one. So golang.org/x/toolsuite counts as golang.org/x/tools.
func contains(in io.Reader, paths []string) (bool, error) {
	longest := 1
	for _, p := range paths {
		longest = max(longest, len(p))
	}
	buf := make([]byte, 0, searchWindow+longest)
	for {
		n, err := io.ReadFull(in, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return false, err
		}
		for _, p := range paths {
			if bytes.Contains(buf, []byte(p)) {
				return true, nil
			}
		}
		if ended {
			return false, nil
		}
		keep := buf[len(buf)-(longest-1):] // the window may end within a path
		buf = buf[:copy(buf[:cap(buf)], keep)]
	}
}
