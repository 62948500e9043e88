package build

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/collect"
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
	for i := range gone {
		if gone[i] && !index[i] { // nearly all indexes are of the project itself
			s.found.Withheld++
		}
	}
	s.inv.Entries = collect.Drop(s.inv.Entries, gone)
	return nil
}

// has reports whether an output contains one of the texts, whatever stands beside it: the tables of
// object files and export data have nothing between two strings, so that a path can be followed by
// the beginning of another one. So golang.org/x/toolsuite counts as golang.org/x/tools.
func (s *scanner) has(o buildcache.Output, texts []string) (bool, error) {
	return s.search(o, texts, nil)
}

// search looks for texts in an output. Before one, a byte has to be allowed that is there.
func (s *scanner) search(o buildcache.Output, texts []string, allowed func(before byte) bool) (bool, error) {
	if len(texts) == 0 {
		return false, nil
	}
	in, err := s.cache.OpenOutput(o)
	if err != nil {
		return false, err
	}
	defer in.Close()
	return contains(in, texts, allowed)
}

// searchWindow is how much of an output is searched at once.
const searchWindow = 256 << 10

// contains reports whether what in has contains any of the texts, where the byte before it is
// allowed; nil: any is.
func contains(in io.Reader, texts []string, allowed func(before byte) bool) (bool, error) {
	longest := 0
	for _, text := range texts {
		longest = max(longest, len(text))
	}
	buf := make([]byte, 0, searchWindow+longest)
	first := true
	for {
		n, err := io.ReadFull(in, buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return false, err
		}
		for _, text := range texts {
			if isIn(buf, text, first, allowed) {
				return true, nil
			}
		}
		if ended {
			return false, nil
		}
		// A text may go on in the next window. One at its very beginning was seen in this one.
		first = false
		buf = buf[:copy(buf[:cap(buf)], buf[len(buf)-longest:])]
	}
}

// isIn looks for a text in a window. What stands before the window is known only of the first one,
// where it is nothing.
func isIn(window []byte, text string, first bool, allowed func(before byte) bool) bool {
	for at := 0; ; at++ {
		i := bytes.Index(window[at:], []byte(text))
		if i < 0 {
			return false
		}
		at += i
		if allowed == nil || at == 0 && first || at > 0 && allowed(window[at-1]) {
			return true
		}
	}
}
