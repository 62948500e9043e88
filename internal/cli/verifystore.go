package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/org/gocache-action/gc"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/report"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/usage"
	"github.com/org/gocache-action/internal/verify/objects"
)

// verifyStoreOutput is what verify --store prints with --json.
type verifyStoreOutput struct {
	Store string `json:"store"`
	*objects.Result
	Status finding.Status `json:"status"`
	outcome
}

// verifyStoreJob verifies a store.
func verifyStoreJob(ctx context.Context, r *run) error {
	ctx, cancel := r.end.bound(ctx)
	defer cancel()
	out, err := runVerifyStore(ctx, r)
	if out.Result != nil {
		out.Status = out.Worst()
	}
	if end := r.conclude(ctx, out, err); err != nil || end != nil {
		return end
	}
	warnFindings(r.out, out.findings())
	return unlessFailed(out.Status)
}

var verifyStoreWords = report.Words{Transfer: "read", TransferDone: "read", Disk: "verify", DiskDone: "verified", Things: "objects"}

// runVerifyStore returns as much of the result as it got to, also beside an error.
func runVerifyStore(ctx context.Context, r *run) (*verifyStoreOutput, error) {
	out := new(verifyStoreOutput)
	st, err := openStore(ctx, r)
	if err != nil {
		return out, err
	}
	out.Store = st.String()
	if err := isThere(st); err != nil {
		return out, err
	}
	c, ok := st.(store.Collector)
	if !ok {
		return out, usage.Errorf("%s cannot be verified: it does not list its objects", st)
	}
	meter := new(report.Meter)
	show := r.progress(meter, verifyStoreWords)
	defer show.Stop()
	out.Result, err = objects.Run(ctx, objects.Options{
		Store: c, Trust: r.keys.trust(), Concurrency: r.concurrency(), Resume: r.cfg.Resume, Meter: meter,
	})
	return out, err
}

// objectTitle is what tables call the objects of a kind.
func objectTitle(k snapshot.Kind) string {
	switch k {
	case objects.KindNotes:
		return "notes of gc"
	case gc.KindUpload:
		return "unfinished uploads"
	}
	return k.Title()
}

// findings are what people read, the worst first; the usual remedy stands once, at the last that it
// mends.
func (o verifyStoreOutput) findings() (list finding.Findings) {
	last := -1
	for i, f := range o.Faults {
		one := finding.Finding{Check: string(f.Kind), Status: f.Status, Evidence: f.Name + ": " + f.Evidence}
		switch {
		case f.Remedy != "":
			one.Remedy = finding.Advise(f.Remedy)
		case f.Status == finding.Fail:
			last = i
		}
		list = append(list, one)
	}
	if last >= 0 {
		list[last].Remedy = finding.Advise("a restore passes over what is wrong, and the next save of that job stores it anew")
	}
	return list
}

// wrong is how many faults are more than warnings.
func (o verifyStoreOutput) wrong() (n int) {
	for _, f := range o.Faults {
		if f.Status == finding.Fail {
			n++
		}
	}
	return n
}

func (o verifyStoreOutput) title() string {
	switch wrong := o.wrong(); {
	case wrong > 0:
		return quantity.Count(wrong) + " wrong"
	case o.Error != "":
		return "not verified to the end"
	case len(o.Faults) > 0:
		return "nothing harmful found"
	}
	return "all is as it should be"
}

// write prints the result for people.
func (o verifyStoreOutput) write(w io.Writer) error {
	if o.Result == nil || o.Error != "" && o.Bytes == 0 && len(o.Faults) == 0 {
		return nil // the error says it all
	}
	if err := writeFindings(w, o.findings()); err != nil {
		return err
	}
	s := report.Summary{Result: o.Store + ": " + o.title(), Tone: o.Status.Tone()}
	s.Counts.Head = []string{"", "objects", "bytes", "verified before", "wrong"}
	for _, k := range objects.Kinds {
		if c := o.Checked[k]; c.Objects > 0 {
			s.Counts.Rows = append(s.Counts.Rows, []string{objectTitle(k), quantity.Count(c.Objects), quantity.Bytes(c.Bytes), quantity.Count(c.Before), quantity.Count(c.Wrong)})
		}
	}
	s.Facts = [][2]string{{"read", fmt.Sprintf("%s in %s", quantity.Bytes(o.Bytes), seconds(o.Seconds))}}
	if o.Other.Objects > 0 {
		s.Facts = append(s.Facts, [2]string{"left alone", quantity.Counted(o.Other.Objects, "object") + " not gocache's, " + quantity.Bytes(o.Other.Bytes)})
	}
	return s.Write(w)
}
