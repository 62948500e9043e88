package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/goentry"
)

// broken is an output with wrong bytes, and the entries that name it.
type broken struct {
	output  buildcache.Output
	actions []digest.ID
}

// verifyBuild hashes all outputs of the build cache.
func (v *verifier) verifyBuild(ctx context.Context) error {
	if v.build == nil {
		return nil
	}
	v.Meter.SetPhase("scan the build cache")
	inv, err := v.build.Scan(ctx, buildcache.ScanOptions{})
	if err != nil {
		return err
	}
	for _, err := range inv.Unread {
		v.res.add(Fault{Kind: Entry, Name: "directory", Status: finding.Warn, Evidence: fmt.Sprintf("cannot be read: %v", err)})
	}
	v.countBroken(inv.Broken)
	v.res.Checked[Entry].Objects += int64(len(inv.Entries))
	v.res.Checked[Entry].Proved += int64(len(inv.Entries))
	v.res.Checked[Entry].Bytes += int64(len(inv.Entries) * buildcache.EntrySize)
	v.Meter.SetPhase("build cache")
	wrong, err := v.hashOutputs(ctx, inv.Outputs)
	if err != nil {
		return err
	}
	v.countWrong(inv, wrong)
	return nil
}

// countBroken counts what the go command takes for a miss.
func (v *verifier) countBroken(list []buildcache.Broken) {
	links := v.countLinks(list)
	for _, b := range list {
		if links[b.Path] {
			continue
		}
		if b.NoOutput {
			v.res.NoOutput++
			continue
		}
		kind, reason := Entry, b.Reason+": the go command does not use it"
		if b.Path[len(b.Path)-1] == 'd' {
			kind = Output
		}
		v.res.Checked[kind].Objects++
		if b.Unreadable {
			v.res.Checked[kind].Unread++
			reason = "cannot be read: " + b.Reason
		} else {
			v.res.Checked[kind].Wrong++
		}
		v.res.add(Fault{Kind: kind, Name: b.Path, Status: finding.Warn, Evidence: reason})
	}
}

// wrongOutput is an output, by its index, with what its bytes are instead, or why they cannot be
// read.
type wrongOutput struct {
	index int
	sum   digest.ID
	err   error
}

// hashOutputs returns the outputs whose bytes are not what their names say, by index. The largest
// are read first, or a large one might be left for the end.
func (v *verifier) hashOutputs(ctx context.Context, list []buildcache.Output) (wrong []wrongOutput, err error) {
	order := make([]int32, len(list))
	for i, o := range list {
		order[i] = int32(i)
		v.Meter.DiskTotal.Add(o.Size)
	}
	slices.SortStableFunc(order, func(a, b int32) int { return cmp.Compare(list[b].Size, list[a].Size) })
	counted := v.res.Checked[Output]
	var mu sync.Mutex // guards wrong and counted
	err = install.Each(ctx, len(order), workers(), func(n int) {
		i := int(order[n])
		sum, err := buildcache.HashOutput(ctx, v.build, list[i], func(n int) { v.Meter.Disk.Add(int64(n)) })
		v.Meter.Files.Add(1)
		right := err == nil && sum == list[i].ID
		if errors.Is(err, fs.ErrNotExist) || ctx.Err() != nil || !right && !v.build.Has(list[i]) {
			return // removed meanwhile, or being written
		}
		mu.Lock()
		defer mu.Unlock()
		counted.Objects++
		counted.Bytes += list[i].Size
		if right {
			counted.Proved++
			return
		}
		if err != nil {
			counted.Unread++
		} else {
			counted.Wrong++
		}
		wrong = append(wrong, wrongOutput{i, sum, err})
	})
	slices.SortFunc(wrong, func(a, b wrongOutput) int { return cmp.Compare(a.index, b.index) })
	return wrong, err
}

// countWrong tells the wrong outputs that the go command would use from those that it would not: an
// entry has to name it, with the size that it has.
func (v *verifier) countWrong(inv *buildcache.Inventory, wrong []wrongOutput) {
	if len(wrong) == 0 {
		return
	}
	used := map[digest.ID][]digest.ID{}
	for _, w := range wrong {
		used[inv.Outputs[w.index].ID] = nil
	}
	for _, e := range inv.Entries {
		if _, ok := used[e.Output]; ok {
			used[e.Output] = append(used[e.Output], e.Action)
		}
	}
	for _, w := range wrong {
		o := inv.Outputs[w.index]
		f := Fault{Kind: Output, Name: o.ID.String(), Status: finding.Fail}
		actions := used[o.ID]
		switch {
		case w.err != nil:
			f.Status, f.Evidence = finding.Warn, fmt.Sprintf("cannot be read: %v", w.err)
		case len(actions) == 0:
			f.Status = finding.Warn
			f.Evidence = fmt.Sprintf("its %d bytes have the hash %s; no entry has this size of it, so the go command does not use it", o.Size, w.sum)
		default:
			f.Evidence = fmt.Sprintf("%s: its %d bytes have the hash %s, and the go command uses it, as %s",
				describe(v.build.Describe(o)), o.Size, w.sum, say(len(actions)))
			v.res.outputs = append(v.res.outputs, broken{o, actions})
		}
		v.res.add(f)
	}
}

func describe(kind goentry.Kind, name string) string {
	if name == "" {
		return string(kind)
	}
	return string(kind) + " " + name
}

// say is how many entries say something.
func say(n int) string {
	if n == 1 {
		return "1 entry says"
	}
	return fmt.Sprintf("%d entries say", n)
}
