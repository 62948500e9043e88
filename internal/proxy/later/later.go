// Package later does what can wait: a bounded number of tasks, a few at once, in their order, and
// if wanted only when nothing more urgent is going on.
package later

import (
	"context"
	"sync"
	"time"
)

// Options are settings of a Queue.
type Options struct {
	Workers int // tasks at once
	Limit   int // tasks that may wait
	// Busy reports whether tasks should wait; nil: they never do. It is asked every Pause, and no
	// task waits for it longer than Longest.
	Busy    func() bool
	Longest time.Duration
	Pause   time.Duration // 0: 200 ms
}

// Queue is safe for concurrent use.
type Queue struct {
	o Options

	mu      sync.Mutex
	waiting []task
	workers int
	closed  bool
	room    chan struct{} // closed when there is room again; nil: nobody waits for that
	idle    chan struct{} // closed when all is done; nil: nothing is to be done
	hurry   chan struct{} // closed when somebody waits for the end
	ctx     context.Context
	cancel  context.CancelFunc
}

type task struct {
	added time.Time
	do    func(context.Context)
}

// New returns an empty Queue. The caller must call Close.
func New(o Options) *Queue {
	if o.Pause == 0 {
		o.Pause = 200 * time.Millisecond
	}
	q := &Queue{o: o, hurry: make(chan struct{})}
	q.ctx, q.cancel = context.WithCancel(context.Background())
	return q
}

// Try adds a task unless too many wait already, or the queue is closed.
func (q *Queue) Try(do func(context.Context)) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.try(do)
}

// try is Try with mu held.
func (q *Queue) try(do func(context.Context)) bool {
	if q.closed || len(q.waiting) >= q.o.Limit {
		return false
	}
	q.waiting = append(q.waiting, task{time.Now(), do})
	if q.idle == nil {
		q.idle = make(chan struct{})
	}
	if q.workers < q.o.Workers {
		q.workers++
		go q.work()
	}
	return true
}

// Add adds a task, and waits for room. It returns false when ctx ends first, or the queue is
// closed.
func (q *Queue) Add(ctx context.Context, do func(context.Context)) bool {
	for {
		q.mu.Lock()
		if q.closed || q.try(do) {
			closed := q.closed
			q.mu.Unlock()
			return !closed
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return false
		}
	}
}

// work does tasks until none is left.
func (q *Queue) work() {
	for {
		t, ok := q.next()
		if !ok {
			return
		}
		q.pause(t)
		t.do(q.ctx)
	}
}

func (q *Queue) next() (task, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	if len(q.waiting) == 0 {
		if q.workers--; q.workers == 0 {
			close(q.idle)
			q.idle = nil
		}
		return task{}, false
	}
	t := q.waiting[0]
	q.waiting[0] = task{}
	q.waiting = q.waiting[1:]
	return t, true
}

// pause waits as long as a task should wait.
func (q *Queue) pause(t task) {
	for q.o.Busy != nil && q.o.Busy() && time.Since(t.added) < q.o.Longest {
		q.mu.Lock()
		hurry := q.hurry
		q.mu.Unlock()
		select {
		case <-time.After(q.o.Pause):
		case <-hurry:
			return
		}
	}
}

// Wait waits until all tasks are done, those as well that are added meanwhile, at most until ctx
// ends. Tasks do not wait any more while somebody waits for them.
func (q *Queue) Wait(ctx context.Context) {
	q.mu.Lock()
	select {
	case <-q.hurry:
	default:
		close(q.hurry)
	}
	idle := q.idle
	q.mu.Unlock()
	if idle != nil {
		select {
		case <-idle:
		case <-ctx.Done():
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-q.hurry:
		q.hurry = make(chan struct{})
	default: // of several that wait, one is enough
	}
}

// Len is how many tasks wait.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// Close ends the context of all tasks, those that wait included, and waits for them. Nothing can be
// added any more.
func (q *Queue) Close() {
	q.mu.Lock()
	q.closed = true
	if q.room != nil {
		close(q.room)
		q.room = nil
	}
	q.mu.Unlock()
	q.cancel()
	q.Wait(context.Background())
}
