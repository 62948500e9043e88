package stats

import (
	"cmp"
	"context"
	"io/fs"
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
	// Packages are compiled packages by import path, and programs by name. Others are also the
	// outputs that do not tell, such as those of tests.
	Packages Group `json:"packages"`
	Ages     []Row `json:"ages"` // entries by their last use; an output has the age of its youngest
	// Unnamed are outputs that no entry names, Broken what the go command takes for a miss. Unread
	// are directories and entries that could not be read: if there are any, Unnamed is not known.
	Unnamed Amount `json:"unnamed"`
	Broken  int    `json:"broken"`
	Unread  int    `json:"unread,omitempty"`
}

// lookedAt is of how many outputs, the largest, is found out what they are: some reads each.
const lookedAt = 200_000

// what is known of an output; the zero value: it was not looked at, or is empty.
type what struct {
	kind goentry.Kind
	name string // import path of a package, name of a program; "": the output does not tell
}

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
	warnings := unreadOf(dir, inv).warnings("build cache")
	whats := make([]what, len(inv.Outputs))
	order := bySize(inv.Outputs)
	order = order[:min(len(order), lookedAt)]
	err = install.Each(ctx, len(order), 2*runtime.GOMAXPROCS(0), func(i int) {
		if o := inv.Outputs[order[i]]; o.Size > 0 {
			whats[order[i]].kind, whats[order[i]].name = cache.Describe(o)
		}
	})
	if err != nil {
		return nil, warnings, err
	}
	b := sumBuild(inv, whats, now)
	b.Dir = filepath.Clean(dir)
	return b, warnings, nil
}

// unreadOf lists what could not be read of a build cache.
func unreadOf(dir string, inv *buildcache.Inventory) *unread {
	var left unread
	for _, err := range inv.Unread {
		left.add(err)
	}
	for _, b := range inv.Broken {
		if b.Unreadable {
			left.add(&fs.PathError{Op: "open", Path: filepath.Join(dir, filepath.FromSlash(b.Path)), Err: fs.ErrPermission})
		}
	}
	return &left
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

// sumBuild adds up what was found. whats are what is known of the outputs. It is pure.
func sumBuild(inv *buildcache.Inventory, whats []what, now time.Time) *Build {
	b := &Build{Outputs: len(inv.Outputs), Unread: len(inv.Unread)}
	for _, one := range inv.Broken {
		if one.Unreadable {
			b.Unread++
		} else {
			b.Broken++
		}
	}
	youngest := youngestEntries(inv)
	byAge := ages{now: now}
	for _, e := range inv.Entries {
		byAge.add(time.Unix(0, e.ActionTime), 1, 0)
	}
	byKind, packages := sums{}, sums{}
	unknown := Amount{}
	for i, o := range inv.Outputs {
		byKind.add(kindName(o, whats[i].kind), 1, o.Size)
		if name := whats[i].name; name != "" {
			if o.Exec != "" {
				name += " (program)"
			}
			packages.add(name, 1, o.Size)
		} else {
			unknown.Add(o.Size)
		}
		switch {
		case youngest[i] == 0 && b.Unread == 0:
			b.Unnamed.Add(o.Size)
		case youngest[i] != 0:
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

// youngestEntries are the times of the youngest entry of each output; 0: no entry names it.
func youngestEntries(inv *buildcache.Inventory) []int64 {
	youngest := make([]int64, len(inv.Outputs))
	for _, e := range inv.Entries {
		if i, ok := inv.Find(e.Output); ok {
			youngest[i] = max(youngest[i], e.ActionTime, 1)
		}
	}
	return youngest
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
