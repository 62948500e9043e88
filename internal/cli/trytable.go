package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
)

// write prints what a job would feel first, then what is stored, then the job after a change, and
// then both ways of caching side by side.
func (o *tryOutput) write(w io.Writer) error {
	s := report.Summary{
		Title:   report.Fold(fmt.Sprintf("go build %s, %s, %s", strings.Join(o.Packages, " "), o.Go, o.Platform), tryColumns-2, "\n  "),
		Facts:   o.facts(),
		Counts:  o.comparison(),
		Reverse: true,
		Notes:   o.notes(),
		Result:  o.result(),
	}
	return s.Write(w)
}

// tryColumns is the width of a terminal that nobody has made wider.
const tryColumns = 80

// shortened leaves out the middle of a text that is longer than some columns.
func shortened(text string, columns int) string {
	list := []rune(text)
	if len(list) <= columns {
		return text
	}
	half := (columns - 1) / 2
	return string(list[:half]) + "…" + string(list[len(list)-(columns-1-half):])
}

// result is what a job would feel.
func (o *tryOutput) result() string {
	if !o.Proved {
		return "the restored caches do not spare the build"
	}
	return fmt.Sprintf("%s of building became %s", seconds(o.Cold.Seconds), seconds(o.restored()))
}

// restored is how long it takes from empty caches to a build that is done.
func (o *tryOutput) restored() float64 { return o.Cache.Restore.Best + o.Warm.Seconds }

func (o *tryOutput) facts() [][2]string {
	list := [][2]string{
		{"build with empty caches", o.Cold.String()},
		{"restore, build offline", fmt.Sprintf("%s = %s + %s, %s", seconds(o.restored()), seconds(o.Cache.Restore.Best), seconds(o.Warm.Seconds), o.Warm.work())},
		{"caches", fmt.Sprintf("%s in %s", quantity.Bytes(o.ModuleBytes+o.BuildBytes), quantity.Counted(o.Files, "file"))},
		{"stored", fmt.Sprintf("%s, %s of it", quantity.Bytes(o.Cache.Stored), share(o.Cache.Stored, o.ModuleBytes+o.BuildBytes))},
	}
	c := o.Change
	if c == nil {
		return append(list, [2]string{"after a change", o.ChangeMissing})
	}
	return append(list,
		[2]string{"changed file", shortened(c.File, tryColumns-len("build with empty caches  "))},
		[2]string{"build after the change", c.Build.String()},
		[2]string{"save after the change", fmt.Sprintf("%s, %s more stored", mark(o.Cache.Again), quantity.Bytes(o.Cache.StoredAgain))},
	)
}

// comparison has both ways side by side.
func (o *tryOutput) comparison() report.Table {
	t := report.Table{Head: []string{"", "gocache", "tar | zstd", ""}, Remarks: true}
	if o.Tar == nil {
		return report.Table{}
	}
	times := func(name string, ours, theirs timing) {
		t.Rows = append(t.Rows, []string{name, mark(ours), mark(theirs), compareTimes(ours, theirs)})
	}
	sizes := func(name string, ours, theirs int64) {
		t.Rows = append(t.Rows, []string{name, quantity.Bytes(ours), quantity.Bytes(theirs), compareBytes(ours, theirs)})
	}
	times("restore", o.Cache.Restore, o.Tar.Restore)
	times("save", o.Cache.Save, o.Tar.Save)
	sizes("stored", o.Cache.Stored, o.Tar.Stored)
	if o.Change != nil {
		times("save after the change", o.Cache.Again, o.Tar.Again)
		sizes("stored after it", o.Cache.StoredAgain, o.Tar.StoredAgain)
	}
	return t
}

// notes say what the figures are worth.
func (o *tryOutput) notes() []string {
	runs, spread := o.Cache.Restore.Runs, 1.0
	for _, c := range []*tryCache{&o.Cache, o.Tar} {
		if c == nil {
			continue
		}
		for _, t := range []timing{c.Save, c.Restore, c.Again} {
			spread = max(spread, t.spread())
		}
	}
	list := []string{"on this disk, with no network in any figure; one run each"}
	if runs > 1 {
		list[0] = fmt.Sprintf("on this disk, with no network in any figure; the best of %d runs", runs)
	}
	if o.Tar != nil {
		list[0] += ", in turn"
	}
	if spread >= noisyFrom {
		list = append(list, fmt.Sprintf("~ noisy: the slowest run took up to %.1f times as long as the best", spread))
	}
	if o.TarMissing != "" {
		list = append(list, o.TarMissing)
	}
	return list
}

// mark writes a time, and that it is noisy.
func mark(t timing) string {
	if t.Runs > 1 && t.noisy() {
		return "~ " + seconds(t.Best)
	}
	return seconds(t.Best)
}

// nobodyFeels is the time in seconds below which a ratio would say more than there is.
const nobodyFeels = 0.5

// compareTimes says how ours compares with theirs, and with a "~" if some run of the one that was
// faster took as long as one of the other.
func compareTimes(ours, theirs timing) string {
	less, more := ours, theirs
	if ours.Best > theirs.Best {
		less, more = theirs, ours
	}
	doubt := ""
	if less.Worst >= more.Best {
		doubt = "~ "
	}
	ratio := more.Best / max(less.Best, 1e-9)
	faster := ours.Best <= theirs.Best
	switch {
	case ratio < 1.05:
		return "about the same"
	case more.Best < nobodyFeels && faster:
		return doubt + seconds(more.Best-less.Best) + " less"
	case more.Best < nobodyFeels:
		return doubt + seconds(more.Best-less.Best) + " more"
	case faster:
		return fmt.Sprintf("%s%.1f times as fast", doubt, ratio)
	}
	return fmt.Sprintf("%s%.1f times as long", doubt, ratio)
}

// compareBytes says how much less, or more, is stored.
func compareBytes(ours, theirs int64) string {
	switch percent := 100 * float64(ours) / float64(max(theirs, 1)); {
	case percent < 50:
		return share(ours, theirs) + " of it"
	case percent > 101:
		return fmt.Sprintf("%.0f %% more", percent-100)
	case percent > 99:
		return "the same"
	default:
		return fmt.Sprintf("%.0f %% less", 100-percent)
	}
}

// share is a part in percent, with a decimal below 1 %.
func share(part, whole int64) string {
	percent := 100 * float64(part) / float64(max(whole, 1))
	if percent < 1 {
		return fmt.Sprintf("%.1f %%", percent)
	}
	return fmt.Sprintf("%.0f %%", percent)
}

// String describes a build for the table.
func (b tryBuild) String() string { return seconds(b.Seconds) + ", " + b.work() }

// work is what the go command had to run.
func (b tryBuild) work() string {
	return quantity.Counted(b.Compiled, "compiler run") + ", " + quantity.Counted(b.Linked, "link")
}
