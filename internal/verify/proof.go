package verify

import (
	"context"
	"errors"
	"path/filepath"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/content/install"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/keys"
)

// A proof is the hash that an object must have, and who says so. Without a hash, why says why there
// is none.
type proof struct{ sum, by, why string }

// proofs are those of a version: of its tree and its zip, and of its .mod.
type proofs struct {
	tree, mod proof
	unknown   bool // the database should know them, and does not, or cannot be asked
}

// lookupsAtOnce is how many versions the checksum database is asked for at once.
const lookupsAtOnce = 16

// bySum are the proofs that go.sum has.
func bySum(sums keys.Sums, v module.Version) proofs {
	const by = "go.sum"
	return proofs{tree: proof{sum: sums.Zip[v], by: by}, mod: proof{sum: sums.Mod[v], by: by}}
}

// lacks reports whether something of a version needs more proof than there is.
func (p proofs) lacks(m modcache.Module) bool {
	return (m.HasTree || m.HasZip) && p.tree.sum == "" || m.HasMod && p.mod.sum == ""
}

// prove returns the proofs of all versions: those of go.sum, and where that does not name them,
// those of the checksum database. Its answers that the go command has kept need no request.
func (v *verifier) prove(ctx context.Context, mods []modcache.Module) ([]proofs, error) {
	list := make([]proofs, len(mods))
	var ask []int
	for i, m := range mods {
		if list[i] = bySum(v.Sums, m.Version); list[i].lacks(m) {
			ask = append(ask, i)
		}
	}
	if v.DB == nil {
		for _, i := range ask {
			list[i] = list[i].with("", "", "", errors.New("no checksum database"))
		}
		return list, nil
	}
	session := v.DB.Session(ctx, filepath.Join(v.ModDir, "cache", "download", "sumdb"), nil)
	err := install.Each(ctx, len(ask), lookupsAtOnce, func(n int) {
		i := ask[n]
		sum, mod, err := session.Sums(mods[i].Version)
		list[i] = list[i].with(sum, mod, v.DB.Name(), err)
	})
	return list, err
}

// with fills in what the checksum database says, or why it says nothing.
func (p proofs) with(sum, mod, by string, err error) proofs {
	why := ""
	switch {
	case errors.Is(err, checksumdb.ErrNotCovered):
		why = "go.sum does not name it, and GONOSUMDB or GOPRIVATE take it out of the care of the checksum database"
	case err != nil:
		why = "go.sum does not name it; " + err.Error()
		p.unknown = true
	}
	for _, one := range []struct {
		to  *proof
		sum string
	}{{&p.tree, sum}, {&p.mod, mod}} {
		if one.to.sum == "" {
			*one.to = proof{one.sum, by, why}
		}
	}
	return p
}
