package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/org/gocache-action/internal/report"
)

// write prints the figures side by side.
func (o *tryOutput) write(w io.Writer) error {
	head := []string{"", "gocache", "tar | zstd", "ratio"}
	row := func(name string, mine, theirs float64, show func(float64) string) []string {
		if o.Tar == nil {
			return []string{name, show(mine)}
		}
		return []string{name, show(mine), show(theirs), fmt.Sprintf("%.2f", mine/theirs)}
	}
	tar := o.Tar
	if tar == nil {
		head, tar = head[:2], new(tryCache)
	}
	size := func(n float64) string { return report.Bytes(int64(n)) }
	s := report.Summary{
		Title: fmt.Sprintf("%s: %s", o.Key, strings.Join(o.Packages, " ")),
		Counts: report.Table{Head: head, Rows: [][]string{
			row("save", o.Cache.Save, tar.Save, seconds),
			row("stored", float64(o.Cache.Stored), float64(tar.Stored), size),
			row("restore", o.Cache.Restore, tar.Restore, seconds),
		}},
		Facts: [][2]string{
			{"caches", fmt.Sprintf("GOMODCACHE %s, GOCACHE %s, %s files", report.Bytes(o.ModuleBytes), report.Bytes(o.BuildBytes), report.Count(o.Files))},
			{"build with empty caches", o.Cold.String()},
			{"build after the restore", o.Warm.String() + ", offline"},
		},
	}
	if o.TarMissing != "" {
		s.Facts = append(s.Facts, [2]string{"tar | zstd", o.TarMissing})
	}
	s.Facts = append(s.Facts, [2]string{"note", "one run each, on the local disk, with no network in any figure"})
	return s.Write(w)
}

// String describes a build for the table.
func (b tryBuild) String() string {
	return fmt.Sprintf("%s, compiler runs %s, programs linked %s", seconds(b.Seconds), report.Count(b.Compiled), report.Count(b.Linked))
}
