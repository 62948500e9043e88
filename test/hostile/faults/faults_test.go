package faults

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/osfile"
)

// Each kind of fault is tried at each operation of a clean run, one at a time. Operations are
// identified by what they do and not by when they come, since many run at once. The functions in
// check_test.go check what must hold after each trial.

// A trial is one run with one fault at one operation.
type trial struct {
	fault, command string
	at             string // the operation, with its object
	kind           string // the operation as in the table, with the kind of the object
	// run makes the trial in an empty directory. It returns an error if a promise is broken.
	run func(tr *trial, dir string) error

	hang    *hang // what ends the run, if an operation hangs
	outcome string
	took    time.Duration // of the run with the fault
}

// late reports whether the run took longer than allowed.
func (tr *trial) late() bool {
	return tr.took > trialBound || tr.hang != nil && tr.took > shortTime+10*time.Second
}

// context is that of the run.
func (tr *trial) context() (context.Context, context.CancelFunc) {
	if tr.hang != nil {
		return context.WithTimeout(tr.hang, 2*trialBound)
	}
	return context.WithTimeout(context.Background(), 2*trialBound)
}

// Outcomes, as in the table.
const (
	outComplete = "complete"      // no error, and everything is there
	saidOld     = "said, old"     // an error or a warning, and the store holds the old snapshot
	saidNew     = "said, new"     // the same, and it holds the new one
	saidPart    = "said, in part" // a restore named what is missing
)

// trialBound is how long a run with a fault may take. Its stalls and retries take a few seconds,
// and more on a busy machine.
const trialBound = time.Minute

// atOnce is how many trials run at once: they spend nearly all of their time waiting.
const atOnce = 12

// runTrials runs the trials and logs their outcomes.
func runTrials(t *testing.T, trials []*trial) {
	t.Helper()
	base := t.TempDir()
	var g errgroup.Group
	g.SetLimit(atOnce)
	for i, tr := range trials {
		g.Go(func() error {
			dir := filepath.Join(base, fmt.Sprint(i))
			defer osfile.RemoveAll(dir)
			if err := tr.run(tr, dir); err != nil {
				t.Errorf("%s, %s: %s: %v", tr.command, tr.fault, tr.at, err)
			}
			if tr.late() {
				t.Errorf("%s, %s: %s: took %v", tr.command, tr.fault, tr.at, tr.took)
			}
			return nil
		})
	}
	g.Wait()
	t.Log(trialTable(trials))
	allTrials.add(trials)
}

// trialTable counts the outcomes for each fault and command.
func trialTable(trials []*trial) string {
	type row struct{ fault, command string }
	var rows []row
	counts := map[row]map[string]int{}
	longest := map[row]time.Duration{}
	kinds := map[row]map[string]bool{}
	for _, tr := range trials {
		r := row{tr.fault, tr.command}
		if counts[r] == nil {
			rows = append(rows, r)
			counts[r], kinds[r] = map[string]int{}, map[string]bool{}
		}
		counts[r][tr.outcome]++
		kinds[r][tr.kind] = true
		longest[r] = max(longest[r], tr.took)
	}
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.command, b.command), cmp.Compare(a.fault, b.fault))
	})
	outcomes := []string{outComplete, saidOld, saidNew, saidPart}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\ncommand\tfault\tpositions\t%s\tlongest\toperations\n", strings.Join(outcomes, "\t"))
	for _, r := range rows {
		n := 0
		for _, c := range counts[r] {
			n += c
		}
		fmt.Fprintf(w, "%s\t%s\t%d", r.command, r.fault, n)
		for _, o := range outcomes {
			fmt.Fprintf(w, "\t%d", counts[r][o])
		}
		ops := make([]string, 0, len(kinds[r]))
		for k := range kinds[r] {
			ops = append(ops, k)
		}
		slices.Sort(ops)
		fmt.Fprintf(w, "\t%v\t%s\n", longest[r].Round(10*time.Millisecond), strings.Join(ops, ", "))
	}
	w.Flush()
	return b.String()
}

// allTrials counts the trials of all tests, for docs/reliability.md.
var allTrials trialSum

type trialSum struct {
	mu     sync.Mutex
	trials int
	faults map[string]bool
}

func (s *trialSum) add(trials []*trial) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults == nil {
		s.faults = map[string]bool{}
	}
	s.trials += len(trials)
	for _, tr := range trials {
		s.faults[tr.command+" "+tr.fault] = true
	}
}
