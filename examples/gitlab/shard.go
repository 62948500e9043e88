// Package shard spreads keys over servers.
package shard

import "github.com/cespare/xxhash/v2"

// Of returns which of n servers has a key, from 0 on. A key always has the same server.
func Of(key string, n int) int {
	return int(xxhash.Sum64String(key) % uint64(n))
}
