package store

import (
	"maps"
	"sync"
)

// Counter counts requests by kind, for Store.Requests. The zero value is ready to use,
// and all methods are safe for concurrent use.
type Counter struct {
	mu sync.Mutex
	n  map[string]int64
}

// Add counts one request, such as "GET". Every attempt counts, as it does on a bill.
func (c *Counter) Add(kind string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = make(map[string]int64)
	}
	c.n[kind]++
}

// Requests returns a copy of the counts so far; kinds that never occurred are missing.
func (c *Counter) Requests() map[string]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		return map[string]int64{}
	}
	return maps.Clone(c.n)
}
