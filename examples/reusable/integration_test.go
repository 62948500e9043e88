//go:build integration

package shard

import (
	"fmt"
	"testing"
)

// TestEvenly: no server gets more than twice its share.
func TestEvenly(t *testing.T) {
	const keys, servers = 10_000, 5
	var got [servers]int
	for i := range keys {
		got[Of(fmt.Sprint("order-", i), servers)]++
	}
	for server, n := range got {
		if n > 2*keys/servers {
			t.Errorf("server %d has %d of %d keys", server, n, keys)
		}
	}
}
