package verify

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

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

// errNotAsked is why the database is not asked about a module.
var errNotAsked = errors.New("the checksum database is not asked, as nothing says that its name is public (--check-sumdb always asks)")

// prove returns the proofs of all versions: those of go.sum, and where that does not name them,
// those of the checksum database. Its answers that the go command has kept need no request. Unless
// Always is set, it is asked only about what go.sum names, in part, and what the go command has
// asked it about: a module of another project can be private by settings of that project alone.
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
	session := v.DB.Session(ctx, modcache.SumDB(v.ModDir), nil)
	var asked, answered atomic.Int64
	err := install.Each(ctx, len(ask), lookupsAtOnce, func(n int) {
		i := ask[n]
		version := mods[i].Version
		err := session.Covers(version)
		if err == nil && !v.Always && !list[i].named() && !session.IsPublic(version) {
			err = errNotAsked
		}
		if err != nil {
			list[i] = list[i].with("", "", "", err)
			return
		}
		asked.Add(1)
		sum, mod, err := session.Sums(version)
		if err == nil || errors.Is(err, checksumdb.ErrRefused) {
			answered.Add(1)
		}
		list[i] = list[i].with(sum, mod, v.DB.Name(), err)
	})
	if stopped := session.Stopped(); stopped != nil && ctx.Err() == nil {
		v.res.Stopped = fmt.Sprintf("the checksum database stopped answering after %d of %d modules: %v", answered.Load(), asked.Load(), stopped)
	}
	return list, err
}

// named reports whether go.sum has anything of a version.
func (p proofs) named() bool { return p.tree.sum != "" || p.mod.sum != "" }

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
