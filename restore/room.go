package restore

import (
	"errors"
	"fmt"

	"github.com/org/gocache-action/internal/content/build"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/content/modules"
	"github.com/org/gocache-action/internal/content/paths"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/quantity"
)

// ErrNoRoom is matched by the errors of caches that are left out because they would fill the disk.
// The build would then fail for want of space, which without a cache it might not.
var ErrNoRoom = errors.New("not enough space")

// What stays free is a twentieth of the file system, but at most maxReserve, and at most what is
// written: a restore that completes a cache that was kept needs little.
const (
	reserveShare = 20
	maxReserve   = 1 << 30
)

// blockSize is by how much a file may take more than its bytes.
const blockSize = 4 << 10

// need is about what a restore is going to write to one place.
type need struct {
	dir   string
	bytes int64
	place *install.Place // given up if there is no room; nil: written all the same
}

// needs lists what the plans are going to write, in the order of precedence. What no manifest
// describes, such as a module that only go.sum names, is not counted.
func needs(o Options, p places, plans []plan) (list []need) {
	bytes := map[string]int64{}
	for _, k := range plans {
		bytes[k.Name] += k.Bytes + k.Files*blockSize
	}
	if p.modules != nil {
		list = append(list, need{o.ModDir, bytes[modules.Name], p.modules})
	}
	for i, path := range o.Paths {
		if i == 0 { // the plan does not tell them apart, and they usually lie together
			list = append(list, need{path.Dir, bytes[paths.Name], nil})
		}
	}
	if p.build != nil {
		list = append(list, need{o.BuildDir, bytes[build.Name], p.build})
	}
	return list
}

// spaceFunc is osfile.Space.
type spaceFunc func(dir string) (total, free int64, id string, err error)

// checkRoom gives up the places for which a file system has too little space: the modules come
// first, then the build cache gets what they leave. A file system that does not tell has enough.
func checkRoom(list []need, space spaceFunc) {
	taken := map[string]int64{}
	for _, n := range list {
		total, free, id, err := space(osfile.Existing(n.dir))
		if err != nil || n.bytes == 0 {
			continue
		}
		free -= taken[id]
		reserve := min(total/reserveShare, maxReserve, n.bytes)
		if n.place != nil && n.bytes+reserve > free {
			n.place.GiveUp(fmt.Errorf("%w: it would take %s, and %s are free, of which %s have to stay free",
				ErrNoRoom, quantity.Bytes(n.bytes), quantity.Bytes(max(free, 0)), quantity.Bytes(reserve)))
			continue
		}
		taken[id] += n.bytes
	}
}
