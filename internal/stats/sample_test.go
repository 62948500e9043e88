package stats

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/goentry"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

var now = time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)

const mib = 1 << 20

// numbers are the same for the same seed, on every system.
type numbers uint64

func (n *numbers) next(below int) int {
	*n = *n*6364136223846793005 + 1442695040888963407
	return int(uint64(*n>>33) % uint64(below))
}

// sizeOf makes a few things large and most of them small.
func (n *numbers) size(most float64) int64 {
	return int64(most * math.Pow(float64(n.next(1000)+1)/1000, 6))
}

func id(kind byte, n int) (d digest.ID) {
	return digest.Of(binary.LittleEndian.AppendUint64([]byte{kind}, uint64(n)))
}

// sampleBuild is the summary of a build cache with a number of entries, of which three share an
// output.
func sampleBuild(entries int) *Build {
	inv := new(buildcache.Inventory)
	var n numbers = 1
	outputs := map[digest.ID]what{}
	for i := range (entries + 2) / 3 {
		kind := []goentry.Kind{goentry.KindPackage, goentry.KindPackage, goentry.KindPackage, goentry.KindTestLog, goentry.KindResult, goentry.KindVet, goentry.KindIndex}[n.next(7)]
		o := buildcache.Output{ID: id('o', i), Size: n.size(30 * mib)}
		w := what{kind: kind}
		switch {
		case i%50 == 0:
			w, o.Exec = what{goentry.KindProgram, fmt.Sprintf("tool%d", n.next(30))}, "tool"
		case kind == goentry.KindPackage:
			w.name = fmt.Sprintf("example.com/team/project%d/internal/package%d", n.next(20), n.next(1+entries/30))
		}
		inv.Outputs = append(inv.Outputs, o)
		outputs[o.ID] = w
	}
	inv.Drop(nil) // makes its index
	for i := range entries {
		o := inv.Outputs[i%len(inv.Outputs)]
		age := time.Duration(n.next(8*24)*n.next(24)) * time.Hour / 8
		inv.Entries = append(inv.Entries, buildcache.Local{
			Entry: buildcache.Entry{Action: id('a', i), Output: o.ID, Size: o.Size}, ActionTime: now.Add(-age).UnixNano(),
		})
	}
	whats := make([]what, len(inv.Outputs))
	for i, o := range inv.Outputs {
		whats[i] = outputs[o.ID]
	}
	b := sumBuild(inv, whats, now)
	b.Dir = "/home/user/.cache/go-build"
	return b
}

// sampleModules is the summary of a module cache.
func sampleModules(versions int) *Modules {
	var used []usedModule
	var n numbers = 2
	var sizes modcache.DownloadSizes
	for i := range versions {
		u := usedModule{Module: modcache.Module{HasTree: true, HasZip: true}}
		u.Version = module.Version{Path: fmt.Sprintf("example.com/vendor/library%d", i/4), Version: fmt.Sprintf("v1.%d.0", i%4)}
		u.use = modcache.Use{Bytes: n.size(80 * mib), Arrived: now.Add(-100 * day), Read: now.Add(-time.Duration(n.next(120)*n.next(24)) * time.Hour)}
		u.use.Zip = u.use.Bytes / 4
		sizes.Zips.Count++
		sizes.Zips.Bytes += u.use.Zip
		used = append(used, u)
	}
	sizes.Metadata, sizes.SumDB = modcache.Files{Count: 4 * versions, Bytes: int64(versions) * 4000}, modcache.Files{Count: 300, Bytes: 2 * mib}
	clones := []modcache.Clone{{Name: "x", Remote: "git3:https://user:secret@git.example.com/team/lib", Bytes: 40 * mib}}
	m := sumModules(used, sizes, clones, true, now)
	m.Dir = "/home/user/go/pkg/mod"
	same := sums{}
	for i := range versions / 8 {
		same.add(fmt.Sprintf("example.com/vendor/library%d", i), 10+n.next(90), n.size(20*mib))
	}
	m.Duplicates = Duplicates{
		Versions: same.group(MaxRows), Zips: Amount{Count: versions, Bytes: sizes.Zips.Bytes},
		Clones: Amount{Count: 1, Bytes: 40 * mib}, Alike: Amount{Count: 12, Bytes: mib},
	}
	return m
}

// sampleStore is the summary of a store.
func sampleStore(t testing.TB, repos, packs int) *Store {
	c := NewStoreCollector(now)
	var n numbers = 3
	for i := range repos {
		repo, scope := fmt.Sprintf("github.com/org/repo%d", i), "refs/heads/main"
		if i%3 == 2 {
			scope = fmt.Sprintf("refs/pull/%d/merge", i)
		}
		m := &snapshot.Manifest{Repo: repo, Scope: scope, Key: []string{"test", "linux", "amd64", "go1.26", "latest"}, Writer: snapshot.Writing{Time: now.Add(-time.Duration(i) * time.Hour)}}
		for d := range 12 {
			m.Trend = append(m.Trend, snapshot.Saved{Time: now.Add(-time.Duration(12-d) * day), Stored: int64(200+d*(5+i%7)+n.next(20)) * mib})
		}
		data, err := m.Encode()
		if err != nil {
			t.Fatal(err)
		}
		e := store.Entry{Name: snapshot.ManifestObject(repo, scope, m.Key), Info: store.Info{Size: int64(len(data)), ModTime: m.Writer.Time}}
		c.Manifest(e, data)
		c.Object(e, snapshot.KindManifest)
		for p := range packs {
			age := time.Duration(n.next(60)) * day
			c.Object(store.Entry{Name: snapshot.PackObject(repo, scope, id('p', p)), Info: store.Info{Size: n.size(48 * mib), ModTime: now.Add(-age)}}, snapshot.KindPack)
		}
	}
	for i := range repos * 10 {
		name := fmt.Sprintf("v2/modules/example.com/m%d/@v/v1.0.0/%x", i, id('m', i))
		c.Object(store.Entry{Name: name, Info: store.Info{Size: n.size(4 * mib), ModTime: now.Add(-time.Duration(n.next(40)) * day)}}, snapshot.KindModule)
	}
	s := c.Store("s3://bucket/prefix")
	s.Garbage, s.Unnamed, s.Other = Amount{Count: 3, Bytes: 30 * mib}, Amount{Count: 7, Bytes: 12 * mib}, Amount{Count: 1, Bytes: 100}
	return s
}

// sampleReport is of a machine that recorded for two months.
func sampleReport(t testing.TB, entries, versions, repos int) *Report {
	r := &Report{
		Time: now, Modules: sampleModules(versions), Build: sampleBuild(entries), Store: sampleStore(t, repos, 20),
		Trim:  &Trim{MaxAge: "14d", Modules: Amount{Count: 4, Bytes: 300 * mib}, Build: Amount{Count: 100, Bytes: 900 * mib}},
		Disks: []Disk{{Dirs: []string{"/home/user/go/pkg/mod", "/home/user/.cache/go-build"}, Total: 200 << 30, Free: 21 << 30}},
	}
	last := RecordOf(r)
	var past []Record
	var n numbers = 4
	for d := 60; d > 0; d-- {
		p := last
		p.Time = now.Add(-time.Duration(d) * day)
		p.Modules -= p.Modules / 120 * int64(d)
		p.Build -= p.Build/90*int64(d) - int64(n.next(100))*mib
		if d == 30 {
			p.Build *= 2 // somebody tried three toolchains
		}
		p.Stored -= p.Stored / 100 * int64(d)
		p.Free = map[string]int64{"/home/user/go/pkg/mod": 21<<30 + int64(d)*900*mib}
		past = append(past, p)
	}
	r.History = Comparable(past, last)
	r.Growth = Judge(r.History, Limits{Local: 8 * (r.Modules.Total.Bytes + r.Build.Total.Bytes) / 7, Store: r.Store.Total.Bytes - 1}, r.Disks, now)
	r.Findings = Check(r, now)
	r.Warnings = []string{"module cache: <b>example.com</b>: permission denied"}
	return r
}
