// Package worker does what can wait.
package worker

import "example.com/shop/lib/shard"

// Mine returns the jobs that one of n workers does.
func Mine(jobs []string, worker, n int) []string {
	var mine []string
	for _, job := range jobs {
		if shard.Of(job, n) == worker {
			mine = append(mine, job)
		}
	}
	return mine
}
