package stats

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/goentry"
)

// Build is what a GOCACHE consists of. An output that several entries share counts once. Bytes are
// those in files, not the blocks that they take.
type Build struct {
	Dir     string `json:"dir"`
	Total   Amount `json:"total"` // entries; bytes of outputs, action entries and the fuzzing corpus
	Outputs int    `json:"outputs"`
	Kinds   []Row  `json:"kinds"` // outputs, by what they are
	// Packages are compiled packages by import path, and programs by name, as far as the largest
	// outputs tell. Others are the outputs that were not read, or do not tell.
	Packages Group `json:"packages"`
	Ages     []Row `json:"ages"` // entries by their last use; an output has the age of its youngest
	// Unnamed are outputs that no entry names, Broken what the go command takes for a miss.
	Unnamed Amount `json:"unnamed"`
	Broken  int    `json:"broken"`
}

// What is told of outputs costs reading them.
const (
	// lookedAt is of how many outputs, the largest, the kind is found out: an open file each.
	lookedAt = 200_000
	// described is of how many packages, the largest, the name is read: milliseconds each.
	described = 250
)

// Kinds that are no kinds of outputs.
const (
	kindEmpty   = "empty: vet, and others without output"
	kindSmall   = "not looked at: the smallest"
	kindFuzz    = "fuzzing corpus"
	kindEntries = "action entries"
)

// kindNames are for people.
var kindNames = map[goentry.Kind]string{
	goentry.KindPackage: "compiled packages", goentry.KindProgram: "links: programs of go run, go tool",
	goentry.KindTestLog: "tests: what they read", goentry.KindResult: "tests: results",
	goentry.KindProfile: "tests: coverage", goentry.KindVet: "vet: facts", goentry.KindIndex: "package indexes",
	goentry.KindCompiler: "C compiler", goentry.KindOther: "others: generated files, lists of files, messages",
}

// CollectBuild reads a build cache. What cannot be read is a warning.
func CollectBuild(ctx context.Context, dir string, now time.Time) (*Build, []string, error) {
	cache := buildcache.Open(dir)
	inv, err := cache.Scan(ctx, buildcache.ScanOptions{Fuzz: true})
	if err != nil {
		return nil, nil, err
	}
	var warnings []string
	for _, err := range inv.Unread {
		warnings = append(warnings, fmt.Sprintf("build cache: %v", err))
	}
	order := bySize(inv.Outputs)
	kinds := make([]goentry.Kind, len(inv.Outputs))
	looked := order[:min(len(order), lookedAt)]
	err = install.Each(ctx, len(looked), 2*runtime.GOMAXPROCS(0), func(i int) {
		o := inv.Outputs[looked[i]]
		if kind, err := cache.Kind(o); err == nil && o.Size > 0 {
			kinds[looked[i]] = kind
		}
	})
	if err != nil {
		return nil, warnings, err
	}
	names, err := describe(ctx, cache, inv, order, kinds)
	if err != nil {
		return nil, warnings, err
	}
	b := sumBuild(inv, kinds, names, now)
	b.Dir = filepath.Clean(dir)
	return b, warnings, nil
}

// bySize lists the outputs by their indices, the largest first.
func bySize(outputs []buildcache.Output) []int32 {
	order := make([]int32, len(outputs))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int {
		return cmp.Or(cmp.Compare(outputs[b].Size, outputs[a].Size), cmp.Compare(a, b))
	})
	return order
}

// describe reads the names of the largest packages and programs, by the indices of their outputs.
func describe(ctx context.Context, cache *buildcache.Cache, inv *buildcache.Inventory, order []int32, kinds []goentry.Kind) (map[int32]string, error) {
	var list []int32
	for _, i := range order {
		if kinds[i] == goentry.KindPackage || kinds[i] == goentry.KindProgram {
			list = append(list, i)
		}
		if len(list) == described {
			break
		}
	}
	found := make([]string, len(list))
	err := install.Each(ctx, len(list), runtime.GOMAXPROCS(0), func(i int) {
		kind, name := cache.Describe(inv.Outputs[list[i]])
		if kind == goentry.KindProgram {
			name += " (program)"
		}
		found[i] = name
	})
	names := map[int32]string{}
	for i, name := range found {
		if name != "" {
			names[list[i]] = name
		}
	}
	return names, err
}

// sumBuild adds up what was found. kinds are those of the outputs, "" where they were not looked
// at; names are by the index of an output. It is pure.
func sumBuild(inv *buildcache.Inventory, kinds []goentry.Kind, names map[int32]string, now time.Time) *Build {
	b := &Build{Outputs: len(inv.Outputs), Broken: len(inv.Broken)}
	youngest := make([]int64, len(inv.Outputs)) // 0: no entry names it
	byAge := ages{now: now}
	for _, e := range inv.Entries {
		byAge.add(time.Unix(0, e.ActionTime), 1, 0)
		if i, ok := inv.Find(e.Output); ok {
			youngest[i] = max(youngest[i], e.ActionTime, 1)
		}
	}
	byKind, packages := sums{}, sums{}
	unknown := Amount{}
	for i, o := range inv.Outputs {
		byKind.add(kindName(o, kinds[i]), 1, o.Size)
		if name := names[int32(i)]; name != "" {
			packages.add(name, 1, o.Size)
		} else {
			unknown.Add(o.Size)
		}
		if youngest[i] == 0 {
			b.Unnamed.Add(o.Size)
		} else {
			byAge.add(time.Unix(0, youngest[i]), 0, o.Size)
		}
		b.Total.Bytes += o.Size
	}
	entries := Amount{Count: len(inv.Entries), Bytes: int64(len(inv.Entries) * buildcache.EntrySize)}
	if entries.Count > 0 {
		byKind.add(kindEntries, entries.Count, entries.Bytes)
	}
	for _, f := range inv.Fuzz {
		byKind.add(kindFuzz, 1, f.Size)
		b.Total.Bytes += f.Size
	}
	b.Total.Count = entries.Count
	b.Total.Bytes += entries.Bytes
	b.Kinds, b.Ages, b.Packages = byKind.rows(), byAge.rows(), packages.group(MaxRows)
	b.Packages.Others.Count += unknown.Count
	b.Packages.Others.Bytes += unknown.Bytes
	return b
}

func kindName(o buildcache.Output, kind goentry.Kind) string {
	if o.Size == 0 {
		return kindEmpty
	}
	if name := kindNames[kind]; name != "" {
		return name
	}
	return kindSmall
}
