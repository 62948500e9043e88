package main

import (
	"slices"

	"github.com/org/gocache-action/bench/internal/kit"
)

// change is the difference between two listings of a bucket.
type change struct {
	Stored   int64 `json:"stored"`   // bytes of all objects after
	Uploaded int64 `json:"uploaded"` // bytes of the objects that are new or were replaced
	Objects  int   `json:"objects"`  // number of all objects after
	Written  int   `json:"written"`  // number of objects that are new or were replaced
	// Names lists the first few of the written objects, sorted.
	Names []string `json:"names,omitempty"`
}

func compare(before, after map[string]kit.Object) change {
	c := change{Objects: len(after)}
	for name, o := range after {
		c.Stored += o.Size
		if was, ok := before[name]; !ok || was != o {
			c.Uploaded += o.Size
			c.Names = append(c.Names, name)
		}
	}
	c.Written = len(c.Names)
	slices.Sort(c.Names)
	c.Names = c.Names[:min(c.Written, 10)]
	return c
}
