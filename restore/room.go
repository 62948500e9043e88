package restore

import (
	"errors"
	"fmt"
	"slices"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/graph"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/snapshot"
)

// ErrNoRoom is matched by the error of a build cache that is left out because it would fill the
// disk. The build would then fail for want of space, which without a build cache it might not.
// Modules are never left out: the go command needs them anyway, and more space to get them itself.
var ErrNoRoom = errors.New("not enough space")

// What stays free is a twentieth of the file system, but at most maxReserve, and at most what is
// written: a restore that completes a build cache that was kept needs little.
const (
	reserveShare = 20
	maxReserve   = 1 << 30
)

// maxBlock is by how much a file may take more than its bytes, whatever its file system says.
const maxBlock = 4 << 10

// need is about what a restore is going to write below a directory.
type need struct {
	dir          string
	bytes, files int64
}

// on is how many bytes that takes of a volume.
func (n need) on(v osfile.Volume) int64 { return n.bytes + n.files*min(v.Block, maxBlock) }

// needs says what the plans are going to write to the build cache, and what elsewhere. What no
// manifest describes, such as a module that only go.sum names, is not counted.
func needs(o Options, plans []plan) (builds need, others []need) {
	all, kept := map[string]need{}, map[string]bool{}
	add := func(kind string, bytes, files int64) {
		all[kind] = need{bytes: all[kind].bytes + bytes, files: all[kind].files + files}
	}
	for _, k := range plans {
		add(k.Name, k.Bytes, k.Files)
		kept[k.Name] = k.Known.Counts.Present > 0
	}
	for _, k := range plans {
		for _, t := range k.Trees {
			if in := cacheOf(t); !kept[in] { // else much of the tree may be there, too
				add(in, t.Bytes, int64(t.Files))
			}
		}
	}
	in := func(dir, kind string) need { return need{dir, all[kind].bytes, all[kind].files} }
	if o.ModDir != "" {
		others = append(others, in(o.ModDir, modules.Name))
	}
	if len(o.Paths) > 0 { // the plan does not tell them apart, and they usually lie together
		others = append(others, in(o.Paths[0].Dir, paths.Name))
	}
	return in(o.BuildDir, build.Name), others
}

// cacheOf names the kind of content beside which a tree lies.
func cacheOf(t snapshot.Tree) string {
	if t.Name == snapshot.TreeFuzz {
		return build.Name
	}
	return modules.Name
}

// spaceFunc is osfile.Space.
type spaceFunc func(dir string) (osfile.Volume, error)

// ask returns the volume of a directory that may not be there yet; false: it does not tell how much
// space it has.
func (space spaceFunc) ask(dir string) (v osfile.Volume, ok bool) {
	v, err := space(osfile.Existing(dir))
	return v, err == nil && v.Total > 0
}

// share reports whether two volumes have the space of one disk. One disk may have several ids, as
// have the volumes of an APFS container and the subvolumes of btrfs.
func share(v, w osfile.Volume) bool {
	return v.ID == w.ID || v.Total == w.Total && v.Free == w.Free
}

// roomFor returns ErrNoRoom if a build cache does not fit beside the rest of what is written. A
// volume that does not tell has enough.
func roomFor(builds need, others []need, space spaceFunc) error {
	v, ok := space.ask(builds.dir)
	takes := builds.on(v)
	if !ok || takes == 0 {
		return nil
	}
	free, are := v.Free, "are free"
	for _, n := range others {
		if other, ok := space.ask(n.dir); ok && n.on(other) > 0 && share(v, other) {
			free, are = free-n.on(other), "are left"
		}
	}
	reserve := min(v.Total/reserveShare, maxReserve, takes)
	if free-reserve >= takes {
		return nil
	}
	return fmt.Errorf("%w: it would take %s; %s %s, and %s have to stay free", ErrNoRoom,
		quantity.Bytes(takes), quantity.Bytes(max(free, 0)), are, quantity.Bytes(reserve))
}

// checkRoom gives up the build cache if there is too little space for it, and returns what is to
// be done then.
func checkRoom(o Options, m *snapshot.Manifest, p places, plans []plan, space spaceFunc) []plan {
	if p.build == nil {
		return plans
	}
	builds, others := needs(o, plans)
	err := roomFor(builds, others, space)
	if err == nil {
		return plans
	}
	p.build.GiveUp(err)
	return withoutBuild(m, plans)
}

// withoutBuild takes out of the plans what goes into the build cache, which counts as not written.
// Its kind begins all the same: it takes away what is wrong there.
func withoutBuild(m *snapshot.Manifest, plans []plan) []plan {
	plans = slices.Clone(plans)
	for i := range plans {
		k := &plans[i]
		switch k.Name {
		case build.Name:
			k.Known.Counts.Unwritten += k.Fetch
			k.Fetch, k.Stored, k.Bytes, k.Files = 0, 0, 0, 0
		case graph.Name:
			var stay []snapshot.Tree
			for _, t := range k.Trees {
				if cacheOf(t) == build.Name {
					k.Stored -= m.Packs[t.Pack].Size
				} else {
					stay = append(stay, t)
				}
			}
			k.Trees = stay
		}
	}
	return plans
}
