// Package doctor looks at what a Go project depends on beside its code: the go command and its
// settings, module proxies and the checksum database, credentials for private repositories, the
// caches and the disks under them, go.mod and go.sum, the store of gocache, and the workflows of
// CI. Each check has a name and returns findings: what was seen, and the command that mends it.
//
// Checks only read, but for one of the store that has to be asked for. What cannot be told, because
// the system does not say or a module is not cached, is said to be unknown and counts as well: a
// warning is for what is known to be wrong.
package doctor

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/redact"
	"github.com/org/gocache-action/internal/usage"
)

// A Check is one question, with what the documentation says of it.
type Check struct {
	Name  string
	Looks string // what it looks at
	Bad   string // when it warns or fails
	Mend  string // what it advises then
	// Limit is how long it may take; 0: as long as most.
	Limit time.Duration

	run func(context.Context, *Facts) []finding.Finding
}

// Bounds of a run. A check that waits for a server or a disk holds no processor, so that many of
// them may run at once.
const (
	usualLimit = 15 * time.Second
	atOnce     = 12
)

// Names lists the checks in the order of the results.
func Names() (names []string) {
	for _, c := range Checks {
		names = append(names, c.Name)
	}
	return names
}

// Select returns the checks of these names, in their usual order; all of them if there are no
// names. A name that no check has is wrong usage.
func Select(names []string) (list []Check, err error) {
	for _, name := range names {
		if !slices.Contains(Names(), name) {
			return nil, usage.Errorf("no check %q; there are %v", name, Names())
		}
	}
	for _, c := range Checks {
		if len(names) == 0 || slices.Contains(names, c.Name) {
			list = append(list, c)
		}
	}
	return list, nil
}

// Run runs checks, many at once, and returns what they found in the order of the checks. A check
// that does not end in time becomes a warning: behind a file system that hangs nothing else helps.
func Run(ctx context.Context, f *Facts, checks []Check) finding.Findings {
	results := make([][]finding.Finding, len(checks))
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i, c := range checks {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = bounded(ctx, f, c)
		})
	}
	all.Wait()
	var list finding.Findings
	for i, found := range results {
		for _, one := range found {
			one.Check = checks[i].Name
			one.Evidence, one.Remedy = redact.Text(one.Evidence), one.Remedy.Map(redact.Text)
			list = append(list, one)
		}
	}
	return list
}

// extraTime is how long a check that knows of its limit may take to say so.
const extraTime = 2 * time.Second

// bounded runs one check, and leaves it behind if it does not end.
func bounded(ctx context.Context, f *Facts, c Check) []finding.Finding {
	limit := c.Limit
	if limit == 0 {
		limit = usualLimit
	}
	if f.Limit > 0 {
		limit = f.Limit
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []finding.Finding, 1)
	go func() { done <- c.run(within, f) }()
	late := time.NewTimer(limit + extraTime)
	defer late.Stop()
	select {
	case found := <-done:
		return found
	case <-ctx.Done():
		return []finding.Finding{finding.Warnf(finding.Remedy{}, "interrupted")}
	case <-late.C:
		return []finding.Finding{finding.Warnf(finding.Advise("see whether the disks and servers that it looks at answer"), "not done within %v: something that it waits for hangs", limit)}
	}
}

// unknown says what could not be found out. It is no warning.
func unknown(format string, args ...any) finding.Finding {
	return finding.Okf("unknown: "+format, args...)
}

// or is what is wrong, or if nothing is, that all is well.
func or(wrong []finding.Finding, well finding.Finding) []finding.Finding {
	if len(wrong) > 0 {
		return wrong
	}
	return []finding.Finding{well}
}
