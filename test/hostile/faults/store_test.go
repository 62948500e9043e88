package faults

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/dir"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/save"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

// storeFault is what a store can do to an operation: not perform it, or perform it and lose the
// answer. It can also be a change to a body.
type storeFault struct {
	name    string
	apply   bool   // the operation is performed
	err     error  // what the caller gets; nil: the result of the operation
	hangs   bool   // until the time of the run is over
	hang    *hang  // of the trial, where it hangs
	lasting bool   // also for all later operations; with body, for each read of it
	only    string // only for this command; "": for all
	body    func(r io.Reader, size int64) io.Reader
	expectation
	onSave expectation // of a save, if it is another one
}

// shortTime is how long runs in which an operation hangs have from then on.
const shortTime = 2 * time.Second

// hang is a context that ends like that of --timeout, shortTime after an operation began to hang.
// Counted from the beginning of a run, on a busy machine the time could be over before the run has
// come to that operation.
type hang struct {
	context.Context
	once sync.Once
	over chan struct{}
}

func newHang() *hang { return &hang{Context: context.Background(), over: make(chan struct{})} }

// begins notes that an operation hangs.
func (h *hang) begins() {
	h.once.Do(func() { time.AfterFunc(shortTime, func() { close(h.over) }) })
}

// Done implements context.Context.
func (h *hang) Done() <-chan struct{} { return h.over }

// Err implements context.Context.
func (h *hang) Err() error {
	select {
	case <-h.over:
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// stalledBody returns a body that stops in the middle, with the error that stores give when nothing
// moves.
func stalledBody(r io.Reader, size int64) io.Reader {
	return io.MultiReader(io.LimitReader(r, size/2), errReader(func() error {
		time.Sleep(50 * time.Millisecond)
		return fmt.Errorf("nothing moved: %w", store.ErrUnreachable)
	}))
}

type errReader func() error

func (f errReader) Read([]byte) (int, error) { return 0, f() }

var storeFaults = []storeFault{
	{name: "not done, error", err: store.ErrUnreachable, expectation: expectUnreachable},
	{name: "done, answer lost", apply: true, err: store.ErrUnreachable, expectation: expectUnreachable},
	{name: "not done, error, from then on", err: store.ErrUnreachable, lasting: true, expectation: expectUnreachable},
	{name: "denied from then on", err: store.ErrDenied, lasting: true, expectation: expectDenied},
	{name: "hangs until the timeout", hangs: true, expectation: expectation{err: context.DeadlineExceeded}},
	{name: "body truncated", body: func(r io.Reader, size int64) io.Reader { return storetest.Truncated(r, size/2, io.ErrUnexpectedEOF) }, onSave: expectOvercome},
	{name: "byte flipped", body: func(r io.Reader, size int64) io.Reader { return storetest.Flipped(r, size/2) }, onSave: expectOvercome},
	{name: "other content", body: func(_ io.Reader, size int64) io.Reader { return io.LimitReader(endlessText("other "), size) }, onSave: expectOvercome},
	// A save treats such a manifest as a damaged one; TestDamagedManifests covers that.
	{name: "body truncated, each time", lasting: true, only: "restore", body: func(r io.Reader, size int64) io.Reader { return storetest.Truncated(r, size/2, io.ErrUnexpectedEOF) }},
	{name: "byte flipped, each time", lasting: true, only: "restore", body: func(r io.Reader, size int64) io.Reader { return storetest.Flipped(r, size/2) }},
	{name: "body stalls", body: stalledBody, expectation: expectUnreachable},
}

// endlessText repeats a text.
type endlessText string

func (e endlessText) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = e[i%len(e)]
	}
	return len(p), nil
}

// call identifies an operation by what it does. A repeated operation is another call.
type call struct {
	name, kind string
	storetest.Call
	read bool // an object was there, and was read
}

// calls names the operations of a run.
type calls struct {
	mu   sync.Mutex
	seen map[string]int
	byN  map[int64]call
}

// begin names an operation that begins.
func (l *calls) begin(c storetest.Call) call {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == nil {
		l.seen, l.byN = map[string]int{}, map[int64]call{}
	}
	name := fmt.Sprintf("%s %s", c.Op, c.Name)
	if c.Off > 0 {
		name += fmt.Sprintf(" from %d", c.Off)
	}
	l.seen[name]++
	name += strings.Repeat(", again", l.seen[name]-1)
	l.byN[c.N] = call{name: name, kind: callKind(c), Call: c}
	return l.byN[c.N]
}

func (l *calls) of(c storetest.Call) call {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.byN[c.N]
}

func callKind(c storetest.Call) string {
	kind, _ := snapshot.KindOf(c.Name)
	if c.Name == gcnotes.Object {
		kind = "notes"
	}
	return fmt.Sprintf("%s %s", c.Op, kind)
}

// faultyStore is a store in which a fault happens at one operation.
type faultyStore struct {
	*storetest.Faulty
	begun atomic.Bool
}

func faultyAt(st store.Store, at string, fault storeFault) *faultyStore {
	f := &faultyStore{Faulty: &storetest.Faulty{Store: st}}
	list := new(calls)
	f.Before = func(ctx context.Context, sc storetest.Call) (bool, error) {
		c := list.begin(sc)
		first := c.name == at
		if first && fault.body == nil {
			f.begun.Store(true)
		}
		switch {
		case fault.body != nil || !first && !(fault.lasting && f.begun.Load()):
			return true, nil
		case fault.hangs:
			fault.hang.begins()
			<-ctx.Done()
			return false, fmt.Errorf("%s: %w", c.name, ctx.Err())
		}
		return fault.apply, fmt.Errorf("%s: %w", c.name, fault.err)
	}
	f.Body = func(sc storetest.Call, info store.Info, r io.Reader) io.Reader {
		name := list.of(sc).name
		if fault.body == nil || name != at && !(fault.lasting && strings.HasPrefix(name, at+", again")) {
			return r
		}
		f.begun.Store(true)
		size := info.Size
		if sc.Length >= 0 {
			size = min(size, sc.Length)
		}
		return fault.body(r, size)
	}
	return f
}

// happened returns an error if the run never came to the operation.
func (f *faultyStore) happened() error {
	if !f.begun.Load() {
		return errNoFault
	}
	return nil
}

// storeOperations lists the operations of a run without faults.
func storeOperations(t *testing.T, st store.Store, run func(store.Store) error) (all []call) {
	t.Helper()
	list := new(calls)
	f := &storetest.Faulty{Store: st, Before: func(_ context.Context, c storetest.Call) (bool, error) {
		list.begin(c)
		return true, nil
	}}
	var read sync.Map
	f.Body = func(c storetest.Call, _ store.Info, r io.Reader) io.Reader {
		read.Store(c.N, true)
		return r
	}
	e2etest.Must(t, run(f))
	for _, c := range list.byN {
		_, c.read = read.Load(c.N)
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b call) int { return cmp.Compare(a.N, b.N) })
	return all
}

// storeTrials makes one trial for each fault and each operation that it applies to.
func storeTrials(command string, list []call, run func(tr *trial, dir string, fault storeFault) error) (trials []*trial) {
	for _, fault := range storeFaults {
		for _, c := range list {
			if fault.body != nil && (c.Op != storetest.OpOpen || !c.read) || fault.only != "" && fault.only != command {
				continue
			}
			tr := &trial{fault: fault.name, command: command, at: c.name, kind: c.kind}
			fault := fault // each trial has its own hang
			if fault.hangs {
				tr.hang = newHang()
				fault.hang = tr.hang
			}
			tr.run = func(tr *trial, dir string) error { return run(tr, dir, fault) }
			trials = append(trials, tr)
		}
	}
	return trials
}

// stored opens a directory store with the snapshots of caches that were saved one after another.
func (w *smallWorld) stored(root string, list ...caches) (*dir.Store, error) {
	from, err := w.saved.once(list, func() (string, error) {
		first, err := os.MkdirTemp(w.base, "store-")
		if err != nil {
			return "", err
		}
		st, err := dir.Open(first)
		if err != nil {
			return "", err
		}
		return first, w.store(st, list...)
	})
	if err == nil {
		err = os.MkdirAll(root, 0o777)
	}
	if err == nil {
		err = copyTree(from, filepath.Join(root, "store"))
	}
	if err != nil {
		return nil, err
	}
	return dir.Open(filepath.Join(root, "store"))
}

// TestFaultsStore lets each operation of a save and of a restore fail in each way, whatever the
// store: it is not performed, it is performed and the answer is lost, its body is wrong, or it is
// not done before --timeout. What must hold afterwards is the same as after HTTP faults; in
// addition, the save of the same job repairs what a restore found damaged.
func TestFaultsStore(t *testing.T) {
	w := smallProject(t)
	st, err := w.stored(t.TempDir(), w.before)
	e2etest.Must(t, err)
	saveCalls := storeOperations(t, st, func(f store.Store) error { return w.save(f, w.after) })
	restoreCalls := storeOperations(t, st, func(f store.Store) error {
		_, err := w.probe(f, t.TempDir())
		return err
	})
	if len(saveCalls) < 10 || len(restoreCalls) < 6 {
		t.Fatalf("%d operations of a save, %d of a restore", len(saveCalls), len(restoreCalls))
	}
	trials := storeTrials("save", saveCalls, func(tr *trial, dir string, fault storeFault) error {
		st, err := w.stored(dir, w.before)
		if err != nil {
			return err
		}
		e := fault.expectation
		if fault.onSave.recovers {
			e = fault.onSave
		}
		f := faultyAt(st, tr.at, fault)
		return errors.Join(w.faultySave(tr, dir, f, st, w.after, w.new, e), f.happened())
	})
	trials = append(trials, storeTrials("restore", restoreCalls, func(tr *trial, dir string, fault storeFault) error {
		st, err := w.stored(dir, w.before, w.after)
		if err != nil {
			return err
		}
		f := faultyAt(st, tr.at, fault)
		state, err := w.faultyRestore(tr, dir, f, st, w.new, fault.expectation)
		if err = errors.Join(err, f.happened()); err != nil {
			return err
		}
		return w.mend(dir, st, state)
	})...)
	runTrials(t, trials)
}

// mend runs the save of the job whose restore found damage. It stores anew whatever the job still
// has.
func (w *smallWorld) mend(tmp string, st *dir.Store, state *jobstate.State) error {
	if len(state.Damaged) == 0 {
		return nil
	}
	o := w.saveOptions(st, w.after)
	state.Store = st.String() // not the name of the wrapper
	o.State = state
	res, err := save.Run(context.Background(), o)
	if err != nil || len(res.Warnings) > 0 || !res.Written {
		return fmt.Errorf("save after the restore: %w, %+v", orNil(err), res)
	}
	got, err := w.probe(st, filepath.Join(tmp, "mended"))
	if err != nil {
		return fmt.Errorf("save after the restore: %w", err)
	}
	job, err := w.after.contents()
	if err != nil {
		return err
	}
	maps.Copy(job, got)
	if d := cmp.Or(got.differs(job), got.beyond(w.new)); d != "" {
		return fmt.Errorf("save after the restore: %s", d)
	}
	return nil
}

// TestFaultsNoStore: if the store does not exist, both commands say so at once.
func TestFaultsNoStore(t *testing.T) {
	w := smallProject(t)
	for _, fault := range []error{store.ErrUnreachable, store.ErrDenied, store.ErrNoStore} {
		st, err := dir.Open(t.TempDir())
		e2etest.Must(t, err)
		f := &storetest.Faulty{Store: st, Before: func(_ context.Context, c storetest.Call) (bool, error) {
			return false, fmt.Errorf("%s %s: %w", c.Op, c.Name, fault)
		}}
		_, serr := save.Run(context.Background(), w.saveOptions(f, w.after))
		_, rerr := w.probe(f, t.TempDir())
		for _, err := range []error{serr, rerr} {
			if bad := (expectation{err: fault}).said(err); err == nil || bad != nil || !strings.Contains(err.Error(), "/snapshots/") {
				t.Errorf("%v: %v", fault, err)
			}
		}
	}
}
