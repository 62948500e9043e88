package collecttest

import (
	"runtime"
	"testing"
	"time"
)

// NoMoreGoroutines fails the test if more goroutines run than before. One that has told its caller
// that it is done still counts for a moment, until the scheduler has seen it end, so it gets a
// minute.
func NoMoreGoroutines(t testing.TB, before int) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for runtime.NumGoroutine() > before {
		if time.Now().After(end) {
			stacks := make([]byte, 64<<10)
			t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), stacks[:runtime.Stack(stacks, true)])
			return
		}
		time.Sleep(time.Millisecond)
	}
}
