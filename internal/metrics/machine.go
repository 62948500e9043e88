package metrics

import "time"

func machine(name string, t Type, help string, labels ...string) Metric {
	return Metric{Name: "gocache_" + name, Type: t, Help: help, Labels: labels}
}

// The metrics of machines that stay.
var (
	cacheBytes     = machine("cache_bytes", Gauge, "Size on disk of the caches of this machine, by cache (modules, build) and kind of content.", "cache", "kind")
	cacheEntries   = machine("cache_entries", Gauge, "Entries of the caches of this machine.", "cache", "kind")
	cacheTrimmable = machine("cache_trimmable_bytes", Gauge, "What gocache trim would free, with the bounds that were given.", "cache")
	diskSize       = machine("disk_size_bytes", Gauge, "Size of the file systems with a cache.", "dir")
	diskFree       = machine("disk_free_bytes", Gauge, "Space left on them for this user.", "dir")
	storeBytes     = machine("store_bytes", Gauge, "Size of the store, by kind of object.", "kind")
	storeObjects   = machine("store_objects", Gauge, "Objects of the store.", "kind")
	quota          = machine("quota_bytes", Gauge, "Bounds that were given, of the caches of this machine and of the store.", "of")
	collectTime    = machine("collect_timestamp_seconds", Gauge, "When these figures were collected; 0: none were yet.")
	collectSeconds = machine("collect_duration_seconds", Gauge, "How long that took.")
	collectFailed  = machine("collect_failures_total", Counter, "Collections in which something failed: the figures are what could be found out, or else those from before.")
)

// Machines are the metrics of machines and stores.
var Machines = Set{
	Title: "Caches of a machine, and a store",
	About: "At `/metrics` of `gocache stats --listen`. Those of the store are there with `--store`.",
	Metrics: []Metric{
		cacheBytes, cacheEntries, cacheTrimmable, diskSize, diskFree, storeBytes, storeObjects, quota, collectTime, collectSeconds, collectFailed,
	},
}

// A Machine is what is told of one. What it does not have is left out.
type Machine struct {
	Caches    []Size
	Store     []Size           // Of is ""
	Trimmable map[string]int64 // by cache; nil: not known
	Disks     []Disk
	Quotas    map[string]int64 // of the caches and the store
}

// Size is that of a kind of content of a cache, or of a kind of object of the store.
type Size struct {
	Of, Kind       string
	Bytes, Entries int64
}

// Disk is a file system, by a directory on it.
type Disk struct {
	Dir         string
	Total, Free int64
}

// Samples lists the values of a machine.
func (m Machine) Samples() Samples {
	w := new(writer)
	for _, s := range m.Caches {
		w.add(cacheBytes, float64(s.Bytes), s.Of, s.Kind)
		w.add(cacheEntries, float64(s.Entries), s.Of, s.Kind)
	}
	for _, cache := range sorted(m.Trimmable) {
		w.add(cacheTrimmable, float64(m.Trimmable[cache]), cache)
	}
	for _, d := range m.Disks {
		w.add(diskSize, float64(d.Total), d.Dir)
		w.add(diskFree, float64(d.Free), d.Dir)
	}
	for _, s := range m.Store {
		w.add(storeBytes, float64(s.Bytes), s.Kind)
		w.add(storeObjects, float64(s.Entries), s.Kind)
	}
	for _, of := range sorted(m.Quotas) {
		w.add(quota, float64(m.Quotas[of]), of)
	}
	return w.list
}

// uncollected says that there are no figures yet, or a collection that never ends well would look
// as if nobody scraped.
func uncollected() Samples {
	w := new(writer)
	w.add(collectTime, 0)
	return w.list
}

// collected says when and how figures came about.
func collected(at time.Time, took time.Duration) Samples {
	w := new(writer)
	w.add(collectTime, stamp(at))
	w.add(collectSeconds, took.Seconds())
	return w.list
}
