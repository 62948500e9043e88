package rebuild

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"slices"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
)

// Outputs compares what the new and the old build cache have for the same actions.
type Outputs struct {
	Compared int `json:"compared"`
	// Other are actions for which the old cache had another output.
	Other int `json:"other"`
	// Damaged are outputs of the old cache that did not have the bytes that their name stands for.
	Damaged int `json:"damaged"`
}

// compare finds out what differs from before: why a rebuild helped.
func (r *rebuilding) compare(ctx context.Context) error {
	if r.modules != nil {
		r.measureModules()
		if err := r.compareModules(ctx); err != nil {
			return err
		}
	}
	if r.build == nil {
		return nil
	}
	r.res.Build = &Sizes{After: size(r.build.aside(newDir))}
	if r.All {
		r.res.Build.Before = size(r.BuildDir)
	}
	if r.NoBuild {
		return nil
	}
	return r.compareOutputs(ctx)
}

func (r *rebuilding) compareOutputs(ctx context.Context) error {
	old, fresh := buildcache.Open(r.BuildDir), buildcache.Open(r.build.aside(newDir))
	before, err := old.Scan(ctx, buildcache.ScanOptions{})
	if err != nil {
		return err
	}
	after, err := fresh.Scan(ctx, buildcache.ScanOptions{})
	if err != nil {
		return err
	}
	res := &Outputs{}
	hashed := map[digest.ID]bool{}
	for _, e := range after.Entries {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		i, found := slices.BinarySearchFunc(before.Entries, e, func(a, b buildcache.Local) int { return bytes.Compare(a.Action[:], b.Action[:]) })
		if !found {
			continue
		}
		was := before.Entries[i]
		o, _ := before.Output(was.Output)
		if !hashed[o.ID] && !r.All {
			r.res.Build.Before += o.Size
		}
		res.Compared++
		switch {
		case was.Output != e.Output:
			res.Other++
		case !hashed[o.ID] && !isIntact(old, o):
			res.Damaged++
		}
		hashed[o.ID] = true
	}
	r.res.Outputs = res
	return nil
}

// isIntact reports whether an output has the bytes that its name is the hash of.
func isIntact(c *buildcache.Cache, o buildcache.Output) bool {
	f, err := c.OpenOutput(o)
	if err != nil {
		return false
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return false
	}
	return bytes.Equal(h.Sum(nil), o.ID[:])
}
