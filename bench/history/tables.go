package main

import (
	"fmt"
	"strings"
	"time"
)

// comparedRows lists the real runs that could be compared with the prediction of shared.
func comparedRows(r *results) string {
	var b strings.Builder
	for _, c := range r.Compared {
		fmt.Fprintf(&b, "| %s | %s | %d (%.1f) | %d (%.2f) | %d (%.2f) | %d | %s |\n", c.Release, c.Policy, c.Entries, mb(c.Bytes),
			c.Unseen.Entries, mb(c.Unseen.Bytes), c.Excess.Entries, mb(c.Excess.Bytes), c.Executed, different(c.Other))
	}
	return b.String()
}

func different(list string) string {
	if list == "" {
		return "none"
	}
	return lost(strings.Split(list, ", "))
}

// summaryRows returns one row for each policy, over all runs except the first.
func summaryRows(r *results) string {
	var b strings.Builder
	for _, name := range everyone {
		list := r.warm(name)
		last := list[len(list)-1]
		fmt.Fprintf(&b, "| %s | %.0f | %s | %s | %s | %.1f %% | %.0f | %.0f | %.0f | %.0f | %.0f | %.2f |\n", name,
			sum(list, restoredBytes)/1e6, ratio(sum(list, restoredBytes), sum(list, workingBytes)), ratio(sum(list, restoredBytes), sum(list, usedBytes)),
			ratio(sum(list, restoredModules), sum(list, usedModules)), 100*hits(list), sum(list, executed), sum(list, fetched)/1e6,
			sum(list, uploaded)/1e6, snapshotSize(last)/1e6, storeSize(last)/1e6, growth(r.of(name), storeSize))
	}
	return b.String()
}

func ratio(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", a/b)
}

// runRows returns one row for each release, with the figures of the three policies side by side.
func runRows(r *results) string {
	var b strings.Builder
	lists := map[string][]run{}
	for _, name := range shown {
		lists[name] = r.of(name)
	}
	sum := ""
	for i, x := range lists[gocacheName] {
		mark := ""
		if x.Sum != sum {
			mark = " ●"
		}
		sum = x.Sum
		cells := []string{x.Release + mark, x.Time.Format(time.DateOnly), fmt.Sprintf("%.0f", mb(x.Usage.Working.Bytes)), fmt.Sprint(x.Compiles.Needed)}
		for _, f := range []func(run) string{
			func(x run) string { return fmt.Sprintf("%.0f", restoredBytes(x)/1e6) },
			func(x run) string { return fmt.Sprintf("%.0f", usedBytes(x)/1e6) },
			func(x run) string { return fmt.Sprintf("%.1f", 100*x.Compiles.hitShare()) },
			func(x run) string { return fmt.Sprintf("%.1f", uploaded(x)/1e6) },
			func(x run) string { return fmt.Sprintf("%.0f", storeSize(x)/1e6) },
		} {
			for _, name := range shown {
				cell := "–"
				if i < len(lists[name]) {
					cell = f(lists[name][i])
				}
				cells = append(cells, cell)
			}
		}
		fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
	}
	return b.String()
}

// wasteRows says for runs of gocache what was restored and not used, and what was compiled although
// the untrimmed policy had it.
func wasteRows(list []run) string {
	var b strings.Builder
	for _, x := range list {
		u := x.Usage
		older := amount{u.Unused.Entries - u.Latest.Entries, u.Unused.Bytes - u.Latest.Bytes}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %d (%.1f) | %d (%.1f) | %d | %d | %s |\n", x.Release, x.Restored.Match,
			ratio(restoredBytes(x), workingBytes(x)), ratio(restoredBytes(x), usedBytes(x)),
			u.Latest.Entries, mb(u.Latest.Bytes), older.Entries, mb(older.Bytes), x.Saved.Trimmed, x.Saved.Dropped, lost(x.Lost))
	}
	return b.String()
}

func lost(packages []string) string {
	const most = 6
	if len(packages) > most {
		return fmt.Sprintf("%d: %s, ...", len(packages), strings.Join(packages[:most], ", "))
	}
	if len(packages) == 0 {
		return "–"
	}
	return fmt.Sprintf("%d: %s", len(packages), strings.Join(packages, ", "))
}
