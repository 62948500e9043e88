package actionscache

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/store"
	"github.com/org/gocache-action/internal/store/actions/actionstest"
	"github.com/org/gocache-action/save"
)

// TestManyAtOnce: jobs of a matrix that begin together and save under one key. No job's work is
// lost, and the modules are stored once.
func TestManyAtOnce(t *testing.T) {
	const jobs = 20
	server := actionstest.New(t)
	list := make([]*job, jobs)
	for i := range list {
		list[i] = newJob(t, server, "test", mainRef, "")
		list[i].patience = 20 * time.Second
		list[i].change = shareAll
		list[i].work(t)
		list[i].module(t, "example.com/large")
		list[i].entry(t, fmt.Sprint("of job ", i))
	}
	var wg sync.WaitGroup
	for _, j := range list {
		wg.Go(func() {
			if _, err := save.Run(t.Context(), j.saveOptions(t)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	t.Logf("requests: %v, %d bytes", server.Counts(), server.Bytes())
	// The modules once; of each job its packs, and versions of a manifest that has what all have.
	if n := server.Bytes(); n > jobs*40_000 {
		t.Errorf("%d bytes are stored", n)
	}
	modules := 0
	for _, key := range server.Keys("") {
		if strings.HasPrefix(key, "gocache2m-") {
			modules++
		}
	}
	if modules != 1 {
		t.Errorf("%d bundles with the same modules", modules)
	}
	last := list[0].next(t, "test", mainRef, "")
	res := last.restore(t)
	last.wants(t, "after all", append(everything, "example.com/large")...)
	for i := range list {
		last.wants(t, "after all", fmt.Sprint("of job ", i))
	}
	if len(res.Losses) > 0 {
		t.Errorf("losses %+v", res.Losses)
	}
	// The next save gathers what lies in so many bundles.
	last.entry(t, "one more")
	last.save(t)
	after := last.next(t, "test", mainRef, "")
	after.restore(t)
	if n := after.lastIn[actionstest.Lookup]; n > 9 {
		t.Errorf("a restore asks %d times", n)
	}
	after.wants(t, "gathered", append(everything, "one more", "of job 0", "of job 19", "example.com/large")...)
}

// TestConflict: two saves read the same snapshot, and both add to it.
func TestConflict(t *testing.T) {
	for name, lag := range map[string]time.Duration{"": 0, "while lookups lag behind": 100 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			first := saved(t)
			one, two := first.next(t, "test", mainRef, ""), first.next(t, "test", mainRef, "")
			// Who waits for the other one on a busy machine must not take it for killed.
			one.patience, two.patience = 20*time.Second, 20*time.Second
			one.restore(t)
			two.restore(t)
			first.server.SetLag(lag)
			one.entry(t, "one")
			two.entry(t, "two")
			// The second one reads before the first one has published.
			var wg sync.WaitGroup
			held := make(chan struct{})
			var once, second sync.Once
			first.server.SetFault(func(r actionstest.Request) actionstest.Fault {
				if r.Kind == actionstest.Create && strings.HasPrefix(r.Key, "gocache2-") {
					first := false
					once.Do(func() { first = true })
					if !first {
						second.Do(func() { close(held) }) // reserves the same version
					} else {
						select {
						case <-held:
						case <-time.After(10 * time.Second):
						}
					}
				}
				return actionstest.Fault{}
			})
			for _, j := range []*job{one, two} {
				wg.Go(func() {
					if res, err := save.Run(t.Context(), j.saveOptions(t)); err != nil || !res.Written {
						t.Errorf("%+v, %v", res, err)
					}
				})
				time.Sleep(10 * time.Millisecond)
			}
			wg.Wait()
			time.Sleep(lag)
			last := first.next(t, "test", mainRef, "")
			last.restore(t)
			last.wants(t, "after both", append(everything, "one", "two")...)
		})
	}
}

// TestAbandoned: a save that was killed has reserved the next version, and its modules.
func TestAbandoned(t *testing.T) {
	first := saved(t)
	var key, version string
	for _, k := range first.server.Keys(mainRef) {
		if rest, ok := strings.CutSuffix(k, "-1"); ok && strings.HasPrefix(k, "gocache2-") {
			key, version = rest+"-2", first.server.Version(k)
		}
	}
	first.server.Reserve(mainRef, key, version)
	j := first.next(t, "test", mainRef, "")
	j.restore(t)
	j.patience = 300 * time.Millisecond
	j.entry(t, "a3")
	if res := j.save(t); !res.Written {
		t.Error("nothing was saved")
	}
	again := first.next(t, "test", mainRef, "")
	again.restore(t)
	again.wants(t, "past the abandoned version", append(everything, "a3")...)

	// Two jobs are about to store the same modules; the first one is killed.
	server := actionstest.New(t)
	killed, next := newJob(t, server, "test", mainRef, ""), newJob(t, server, "test", mainRef, "")
	killed.change, next.change = shareAll, shareAll
	killed.module(t, "example.com/large")
	next.module(t, "example.com/large")
	ctx, kill := context.WithCancelCause(t.Context())
	server.SetFault(func(r actionstest.Request) actionstest.Fault {
		if r.Kind == actionstest.PutBlock {
			kill(errors.New("killed"))
		}
		return actionstest.Fault{}
	})
	if _, err := save.Run(ctx, killed.saveOptions(t)); err == nil {
		t.Fatal("the first save was not killed")
	}
	server.SetFault(nil)
	next.patience = 100 * time.Millisecond
	next.save(t)
	after := next.next(t, "test", mainRef, "")
	after.restore(t)
	after.wants(t, "past the abandoned modules", "example.com/large")
}

// TestEvicted: an entry that the service has removed costs what lies in it, and the next save that
// has it stores it again.
func TestEvicted(t *testing.T) {
	for name, prefix := range map[string]string{"build": "gocache2b-", "modules": "gocache2m-", "snapshot": "gocache2-"} {
		t.Run(name, func(t *testing.T) {
			first := newJob(t, actionstest.New(t), "test", mainRef, "")
			first.change = shareAll // or else all lies in one bundle
			first.work(t)
			first.module(t, "example.com/large")
			first.save(t)
			if n := first.server.Evict(func(key string) bool { return strings.HasPrefix(key, prefix) }); n != 1 {
				t.Fatalf("%d entries are gone", n)
			}
			j := first.next(t, "test", mainRef, "")
			res := j.restore(t)
			switch name {
			case "build":
				j.wants(t, "without the packs", "example.com/one", "example.com/two", "example.com/large")
				if res.Build.Restored != 0 || len(res.Losses) == 0 {
					t.Errorf("%+v", res)
				}
			case "modules":
				j.wants(t, "without the modules", "a1", "a2")
				if res.Modules.Missing != 3 {
					t.Errorf("%+v", res)
				}
			case "snapshot":
				j.wants(t, "without the snapshot", "example.com/one", "example.com/two", "example.com/large")
				if res.Matched != nil {
					t.Errorf("matched %+v", res.Matched)
				}
			}
			j.work(t) // what is missing is made again
			if !j.hasModule("example.com/large") {
				j.module(t, "example.com/large")
			}
			if res, err := save.Run(t.Context(), j.saveOptions(t)); err != nil || !res.Written {
				t.Errorf("%+v, %v", res, err)
			}
			healed := first.next(t, "test", mainRef, "")
			if res := healed.restore(t); len(res.Losses) > 0 {
				t.Errorf("losses %+v", res.Losses)
			}
			healed.wants(t, "healed", append(everything, "example.com/large")...)
		})
	}
}

// TestReadOnly: a job with a token that only reads restores, and says once that it saves nothing.
func TestReadOnly(t *testing.T) {
	first := saved(t)
	j := first.next(t, "test", mainRef, "")
	j.token = actionstest.Token(actionstest.Grant{Scope: mainRef, Permission: actionstest.Read})
	j.restore(t)
	j.wants(t, "read-only", everything...)
	j.entry(t, "a3")
	j.server.Counts()
	res, err := save.Run(t.Context(), j.saveOptions(t))
	if err != nil || !res.ReadOnly || !strings.Contains(res.Why, "token that may only read") || len(res.Warnings) > 0 {
		t.Errorf("%+v, %v", res, err)
	}
	if counts := j.server.Counts(); len(counts) > 0 {
		t.Errorf("requests: %v", counts)
	}
}

// TestOutage: a service that does not work ends a restore and a save within seconds, with an error
// that says so; the snapshot stays.
func TestOutage(t *testing.T) {
	for name, fault := range map[string]actionstest.Fault{"errors": {Status: 503}, "no answers": {Drop: true}} {
		t.Run(name, func(t *testing.T) {
			first := saved(t)
			first.server.SetFault(func(actionstest.Request) actionstest.Fault { return fault })
			j := first.next(t, "test", mainRef, "")
			began := time.Now()
			_, err := j.tryRestore(t.Context(), t)
			j.work(t)
			_, err2 := save.Run(t.Context(), j.saveOptions(t))
			if !errors.Is(err, store.ErrUnreachable) || !errors.Is(err2, store.ErrUnreachable) || time.Since(began) > 20*time.Second {
				t.Errorf("after %v: %v; %v", time.Since(began), err, err2)
			}
			first.server.SetFault(nil)
			again := first.next(t, "test", mainRef, "")
			again.restore(t)
			again.wants(t, "after the outage", everything...)
		})
	}
}

// TestRateLimit: a restore waits once for as long as it is told to, if it has the time; else it
// gives up.
func TestRateLimit(t *testing.T) {
	first := saved(t)
	for _, c := range []struct {
		name    string
		times   int
		after   time.Duration
		timeout time.Duration
		ok      bool
	}{
		{"once", 1, time.Second, time.Minute, true},
		{"again and again", 1000, time.Second, time.Minute, false},
		{"too long", 1, 2 * time.Minute, time.Hour, false},
		{"longer than there is time", 1, 50 * time.Second, 25 * time.Second, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			first.server.Throttle(c.times, c.after)
			ctx, cancel := context.WithTimeout(t.Context(), c.timeout)
			defer cancel()
			j := first.next(t, "test", mainRef, "")
			began := time.Now()
			_, err := j.tryRestore(ctx, t)
			if c.ok && (err != nil || !j.hasEntry("a1") || time.Since(began) < c.after) || !c.ok && !errors.Is(err, store.ErrUnreachable) || time.Since(began) > 20*time.Second {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
			first.server.Throttle(0, 0)
		})
	}
}

// TestExpired: URLs that expire in the course of a restore are renewed, also where a transfer that
// broke off is resumed.
func TestExpired(t *testing.T) {
	first := saved(t)
	var once, cut sync.Once
	first.server.SetFault(func(r actionstest.Request) (f actionstest.Fault) {
		if r.Kind == actionstest.Get && strings.HasPrefix(r.Key, "gocache2m-") {
			cut.Do(func() { f.Cut = 100 })
			if f.Cut == 0 {
				once.Do(first.server.ExpireURLs)
			}
		}
		return f
	})
	j := first.next(t, "test", mainRef, "")
	j.restore(t)
	j.wants(t, "with URLs that expire", everything...)
}

// TestLate: what a save has stored is not lost where lookups lag behind for longer than another
// save waits, nor where it publishes its version after a later one.
func TestLate(t *testing.T) {
	for _, how := range []string{"hidden", "published late"} {
		t.Run(how, func(t *testing.T) {
			first := saved(t)
			one, two := first.next(t, "test", mainRef, ""), first.next(t, "test", mainRef, "")
			one.restore(t)
			two.restore(t)
			one.entry(t, "one")
			two.entry(t, "two")
			two.patience = 200 * time.Millisecond
			isSecond := func(key string) bool { return strings.HasPrefix(key, "gocache2-") && strings.HasSuffix(key, "-2") }
			if how == "hidden" {
				one.save(t)
				first.server.Hide(isSecond)
				two.save(t)
				first.server.Hide(nil)
			} else {
				reserved, published := make(chan struct{}), make(chan struct{})
				var once sync.Once
				first.server.SetFault(func(r actionstest.Request) actionstest.Fault {
					if r.Kind == actionstest.Finalize && isSecond(r.Key) {
						once.Do(func() { close(reserved) })
						<-published
					}
					return actionstest.Fault{}
				})
				var wg sync.WaitGroup
				wg.Go(func() {
					if res, err := save.Run(t.Context(), one.saveOptions(t)); err != nil || !res.Written {
						t.Errorf("%+v, %v", res, err)
					}
				})
				<-reserved
				two.save(t)
				close(published)
				wg.Wait()
			}
			third := first.next(t, "test", mainRef, "")
			third.restore(t)
			if how != "hidden" {
				third.entry(t, "three")
			}
			if res := third.save(t); !res.Written {
				t.Error("what was late is not added")
			}
			last := first.next(t, "test", mainRef, "")
			if res := last.restore(t); len(res.Losses) > 0 {
				t.Errorf("losses %+v", res.Losses)
			}
			last.wants(t, "after all", append(everything, "one", "two")...)
			if res := last.save(t); res.Written {
				t.Error("it is added again")
			}
		})
	}
}

// TestHiddenBundle: a bundle that lookups do not show for longer than anybody waits is a partial
// miss, which the next save mends.
func TestHiddenBundle(t *testing.T) {
	first := newJob(t, actionstest.New(t), "test", mainRef, "")
	first.change = shareAll
	first.work(t)
	first.save(t)
	first.server.Hide(func(key string) bool { return strings.HasPrefix(key, "gocache2b-") })
	j := first.next(t, "test", mainRef, "")
	j.patience = 100 * time.Millisecond
	if res := j.restore(t); len(res.Losses) == 0 {
		t.Errorf("%+v", res)
	}
	j.wants(t, "without the packs", "example.com/one", "example.com/two")
	j.work(t)
	first.server.Hide(nil)
	if res, err := save.Run(t.Context(), j.saveOptions(t)); err != nil || !res.Written {
		t.Errorf("%+v, %v", res, err)
	}
	healed := first.next(t, "test", mainRef, "")
	if res := healed.restore(t); len(res.Losses) > 0 {
		t.Errorf("losses %+v", res.Losses)
	}
	healed.wants(t, "mended", everything...)
}
