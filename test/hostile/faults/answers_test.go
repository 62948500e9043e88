package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/gcnotes"
	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/s3"
	"github.com/org/gocache-action/internal/store/storetest"
	"github.com/org/gocache-action/test/e2e/e2etest"
)

var (
	expectOvercome    = expectation{recovers: true}
	expectUnreachable = expectation{err: store.ErrUnreachable}
	expectDenied      = expectation{err: store.ErrDenied}
)

func onGet(o operation) bool { return o.is(http.MethodGet) }

// wireFaults are what an HTTP server, or a proxy in front of it, can do to a request.
var wireFaults = []wireFault{
	{name: "500, then 503 SlowDown", times: 2, do: burst, expectation: expectOvercome},
	{name: "503 SlowDown from then on", do: slowDown, expectation: expectUnreachable},
	{name: "reset, twice", times: 2, do: resetConn, expectation: expectOvercome},
	{name: "answer lost", times: 1, do: loseAnswer, expectation: expectOvercome},
	{name: "early 412, another was faster", times: 1, on: operation.conditional, do: refuseEarly, meanwhile: true, expectation: expectOvercome},
	{name: "early 412, nobody was", times: 1, on: operation.conditional, do: refuseEarly, expectation: expectOvercome},
	{name: "credentials expired from then on", do: refuseWith(400, "ExpiredToken", "The provided token has expired."), expectation: expectDenied},
	{name: "clock is said to be wrong from then on", do: refuseWith(403, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large."), expectation: expectDenied},
	{name: "body truncated", times: 1, on: onGet, do: truncateBody, expectation: expectOvercome},
	{name: "body truncated, in each attempt", object: true, on: onGet, do: truncateBody, expectation: expectUnreachable},
	{name: "byte flipped", times: 1, on: onGet, do: flipByte, onSave: expectOvercome},
	{name: "content of another object", times: 1, on: onGet, do: otherObject, onSave: expectOvercome},
	{name: "HTML page with status 200", times: 1, do: htmlPage, expectation: expectOvercome},
	{name: "HTML pages from then on", do: htmlPage, expectation: expectUnreachable},
	{name: "no answer from then on", stalls: true, do: hangOn, expectation: expectUnreachable},
	{name: "stall within the body", stalls: true, times: 1, on: onGet, do: waitInBody, expectation: expectUnreachable},
	{name: "stall within an upload", stalls: true, times: 1, on: operation.sendsBody, do: waitInBody, expectation: expectOvercome},
}

// wireWorld is a gateway with snapshots of the small project.
type wireWorld struct {
	*smallWorld
	gate     *storetest.Server
	forward  http.Handler
	other    caches // of a job with an additional entry
	otherHas contents
	next     atomic.Int64
	saved    templates
}

// otherEntry is the entry that only the other job has.
const otherEntry = 210

func newWireWorld(t *testing.T) *wireWorld {
	t.Helper()
	g := storetest.Gateway(t)
	g.Bucket(t, wireBucket)
	g.Setenv(t)
	w := &wireWorld{smallWorld: smallProject(t), gate: g, forward: upstream(t, g)}
	w.other = caches{w.after.mod, filepath.Join(t.TempDir(), "build")}
	e2etest.AddEntry(t, w.other.build, otherEntry)
	w.otherHas = mustContents(t, w.other)
	return w
}

// fresh opens a store without faults under a new prefix, after saving the given caches to it one
// after another. The content is copied from the first prefix with the same caches.
func (w *wireWorld) fresh(list ...caches) (st store.Store, prefix string, err error) {
	prefix = fmt.Sprint("s", w.next.Add(1))
	if st, err = openWire(w.gate.Endpoint, prefix); err != nil {
		return nil, "", err
	}
	root := filepath.Join(w.gate.DataDir, wireBucket)
	from, err := w.saved.once(list, func() (string, error) {
		first := prefix + "-first"
		st, err := openWire(w.gate.Endpoint, first)
		if err == nil {
			err = w.store(st, list...)
		}
		return filepath.Join(root, first), err
	})
	if err == nil {
		// this copies the extended attributes as well, in which the gateway keeps metadata of
		// objects
		err = copyTree(from, filepath.Join(root, prefix))
	}
	return st, prefix, err
}

func (w *wireWorld) mustFresh(t *testing.T, list ...caches) (store.Store, string) {
	t.Helper()
	st, prefix, err := w.fresh(list...)
	e2etest.Must(t, err)
	return st, prefix
}

// operations lists the requests of a run without faults.
func (w *wireWorld) operations(t *testing.T, prefix string, run func(store.Store) error) []operation {
	t.Helper()
	f := &wire{forward: w.forward, prefix: prefix}
	endpoint, stop := f.start()
	defer stop()
	st, err := openWire(endpoint, prefix)
	e2etest.Must(t, err)
	e2etest.Must(t, run(st))
	return f.seen
}

// trials makes one trial for each fault and each operation that it applies to.
func (w *wireWorld) trials(command string, ops []operation, run func(tr *trial, dir string, f *wire) error) (list []*trial) {
	for _, fault := range wireFaults {
		for _, op := range ops {
			if fault.on != nil && !fault.on(op) {
				continue
			}
			list = append(list, &trial{fault: fault.name, command: command, at: op.name, kind: op.kind, run: func(tr *trial, dir string) error {
				f := &wire{forward: w.forward, at: tr.at, fault: fault}
				return errors.Join(run(tr, dir, f), f.happened())
			}})
		}
	}
	return list
}

// saveTrial returns a function that saves job over the old snapshot, through f.
func (w *wireWorld) saveTrial(job caches, want contents) func(*trial, string, *wire) error {
	return func(tr *trial, dir string, f *wire) error {
		direct, prefix, err := w.fresh(w.before)
		if err != nil {
			return err
		}
		f.prefix = prefix
		want, e := want, f.fault.expectation
		if f.fault.onSave.recovers {
			e = f.fault.onSave
		}
		meanwhile := make(chan error, 1)
		if f.fault.meanwhile {
			f.before = func() { meanwhile <- w.save(direct, w.other) }
			want = w.withOther(want)
		}
		endpoint, stop := f.start()
		defer stop()
		st, err := openWire(endpoint, prefix, f.fault.options)
		if err != nil {
			return err
		}
		err = w.faultySave(tr, dir, st, direct, job, want, e)
		select {
		case other := <-meanwhile:
			return errors.Join(err, other)
		default:
			return err
		}
	}
}

// withOther adds what the other job has.
func (w *wireWorld) withOther(c contents) contents {
	all := maps.Clone(c)
	maps.Copy(all, w.otherHas)
	return all
}

// TestFaultsAnswers subjects each request of a save and of a restore to each HTTP fault. The run
// ends in time and says what happened, the store holds either the old or the new snapshot whole,
// the go command accepts the caches, and the next run completes.
func TestFaultsAnswers(t *testing.T) {
	w := newWireWorld(t)
	_, prefix := w.mustFresh(t, w.before)
	ops := w.operations(t, prefix, func(st store.Store) error { return w.save(st, w.after) })
	trials := w.trials("save", ops, w.saveTrial(w.after, w.new))

	// From a save with an output of two parts, take only the operations that the other save lacks.
	_, prefix = w.mustFresh(t, w.before)
	var parts []operation
	for _, op := range w.operations(t, prefix, func(st store.Store) error { return w.save(st, w.large) }) {
		if q := op.r.URL.Query(); q.Has("uploads") || q.Has("uploadId") {
			parts = append(parts, op)
		}
	}
	if len(ops) < 10 || len(parts) != 4 {
		t.Fatalf("%d operations of a save, and %d of an upload in parts", len(ops), len(parts))
	}
	trials = append(trials, w.trials("save in parts", parts, w.saveTrial(w.large, w.newLarge))...)

	direct, prefix := w.mustFresh(t, w.before, w.after)
	ops = w.operations(t, prefix, func(st store.Store) error {
		_, err := w.probe(st, t.TempDir())
		return err
	})
	if len(ops) < 6 {
		t.Fatalf("%d operations of a restore", len(ops))
	}
	trials = append(trials, w.trials("restore", ops, func(tr *trial, dir string, f *wire) error {
		f.prefix = prefix
		endpoint, stop := f.start()
		defer stop()
		st, err := openWire(endpoint, prefix, f.fault.options)
		if err != nil {
			return err
		}
		_, err = w.faultyRestore(tr, dir, st, direct, w.new, f.fault.expectation)
		return err
	})...)
	runTrials(t, trials)
}

// TestFaultsClock: both commands work with a server whose clock is ten minutes ahead, and which
// allows a difference of five: they use the server's time.
func TestFaultsClock(t *testing.T) {
	const ahead, allowed = 10 * time.Minute, 5 * time.Minute
	w := newWireWorld(t)
	direct, prefix := w.mustFresh(t, w.before)
	forward := *w.forward.(*httputil.ReverseProxy)
	forward.ModifyResponse = func(r *http.Response) error {
		r.Header.Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		return nil
	}
	var refused atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
		signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || time.Until(signed.Add(-ahead)).Abs() > allowed {
			refused.Add(1)
			refuseWith(403, "RequestTimeTooSkewed", "The difference between the request time and the server's time is too large.")(nil, rw, r)
			return
		}
		rw.Header().Del("Date")
		forward.ServeHTTP(rw, r)
	}))
	defer server.Close()
	st, err := openWire(server.URL, prefix)
	e2etest.Must(t, err)
	var trials []*trial
	for _, command := range []string{"save", "restore"} {
		trials = append(trials, &trial{fault: "clock wrong by ten minutes", command: command, kind: "all", at: "all", run: func(tr *trial, dir string) (err error) {
			if command == "save" {
				return w.faultySave(tr, dir, st, direct, w.after, w.new, expectOvercome)
			}
			_, err = w.faultyRestore(tr, dir, st, direct, w.new, expectOvercome)
			return err
		}})
	}
	// one after another, since the second trial restores what the first one saved
	for _, tr := range trials {
		runTrials(t, []*trial{tr})
	}
	if refused.Load() == 0 {
		t.Error("no request was refused")
	}
}

// TestFaultsRenewedCredentials lets the credentials of a role expire early, at each request of a
// save and of a restore. New ones are requested once, and the run completes.
func TestFaultsRenewedCredentials(t *testing.T) {
	w := newWireWorld(t)
	sts := storetest.NewSTS(t, w.gate)
	direct, prefix := w.mustFresh(t, w.before)
	saveOps := w.operations(t, prefix, func(st store.Store) error { return w.save(st, w.after) })
	restoreOps := w.operations(t, prefix, func(st store.Store) error {
		_, err := w.probe(st, t.TempDir())
		return err
	})
	run := func(command string) func(*trial, string) error {
		return func(tr *trial, dir string) error {
			direct, prefix := direct, prefix
			if command == "save" {
				var err error
				if direct, prefix, err = w.fresh(w.before); err != nil {
					return err
				}
			}
			var tokens atomic.Int64
			f := &wire{forward: w.forward, prefix: prefix, at: tr.at, fault: wireFault{do: func(f *wire, rw http.ResponseWriter, r *http.Request) {
				if tokens.Load() > 1 {
					f.forward.ServeHTTP(rw, r)
					return
				}
				refuseWith(400, "ExpiredToken", "The provided token has expired.")(f, rw, r)
			}}}
			endpoint, stop := f.start()
			defer stop()
			st, err := openWire(endpoint, prefix, func(o *s3.Options) {
				o.Role = &s3.Role{ARN: sts.Role, Token: func(context.Context) (string, error) { tokens.Add(1); return sts.Token, nil }}
			})
			if err != nil {
				return err
			}
			if command == "save" {
				err = w.faultySave(tr, dir, st, direct, w.after, w.new, expectOvercome)
			} else {
				_, err = w.faultyRestore(tr, dir, st, direct, w.new, expectOvercome)
			}
			if n := tokens.Load(); err == nil && n != 2 {
				err = fmt.Errorf("%d tokens were used, want 2", n)
			}
			return err
		}
	}
	var trials []*trial
	for command, ops := range map[string][]operation{"save": saveOps, "restore": restoreOps} {
		for _, op := range ops {
			trials = append(trials, &trial{fault: "credentials expired, new ones to be had", command: command, at: op.name, kind: op.kind, run: run(command)})
		}
	}
	t.Setenv("AWS_ENDPOINT_URL_STS", sts.Endpoint)
	runTrials(t, trials)
}

// TestFaultsHead: the answer to a HEAD that is refused with 400 has no body with the reason; the
// reason is found all the same.
func TestFaultsHead(t *testing.T) {
	(&storetest.Server{AccessKey: "key", SecretKey: "secret"}).Setenv(t)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		refuseWith(400, "ExpiredToken", "The provided token has expired.")(nil, rw, r)
	}))
	defer server.Close()
	st, err := openWire(server.URL, "p")
	e2etest.Must(t, err)
	_, err = st.Stat(context.Background(), gcnotes.Object)
	if bad := expectDenied.said(err); bad != nil || err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("%v", err)
	}
}
