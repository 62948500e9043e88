package checksums

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"github.com/org/gocache-action/internal/checksumdb"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
)

// Each answer of the database comes with a tree, and clients check that all trees that they see are
// of one history. Most of the proofs need tiles at the edge of a tree, which a proxy without access
// cannot ask for when it turns out which. So all answers for it get the same tree, and what proves
// them in it is kept, and what proves that this tree goes on from those of earlier seals.

const (
	// maxSeals is how many earlier seals there are proofs for.
	maxSeals = 50
	// sealers is how many versions are proven at once.
	sealers = 8
)

// Seal gives the answers about these versions the newest tree that is known, and keeps all that a
// new client needs to prove them. Versions without an answer are passed over.
func (db *DB) Seal(ctx context.Context, list []module.Version) error {
	for _, v := range list { // so that the trees of all are known
		if _, err := db.Sums(ctx, v); err != nil {
			return fmt.Errorf("checksum database: %w", err)
		}
	}
	db.Wait(ctx)
	newest := db.currentClient().ops.newest()
	if newest == nil || len(list) == 0 {
		return nil
	}
	if err := db.proveAll(ctx, list, newest); err != nil {
		return err
	}
	seals := db.seals(ctx)
	for _, earlier := range seals {
		if err := db.lookUpFrom(earlier, list[0]); err != nil {
			return err
		}
	}
	if !slices.Contains(seals, string(newest)) {
		seals = append(seals, string(newest))
	}
	data, err := json.Marshal(seals[max(0, len(seals)-maxSeals):])
	if err != nil {
		return err
	}
	db.Wait(ctx)
	return shelf.Put(ctx, db.o.Store, db.sealsName(), data)
}

// proveAll gives all answers a tree, and proves them in it.
func (db *DB) proveAll(ctx context.Context, list []module.Version, tree []byte) error {
	c := sumdb.NewClient(&ops{db: db, latest: tree})
	var g errgroup.Group
	g.SetLimit(sealers)
	for _, v := range list {
		g.Go(func() error {
			if err := db.setTree(ctx, v, tree); err != nil {
				return err
			}
			_, err := c.Lookup(v.Path, v.Version)
			return err
		})
	}
	return g.Wait()
}

// setTree stores the answer about a version with another tree that has it.
func (db *DB) setTree(ctx context.Context, v module.Version, tree []byte) error {
	file, err := checksumdb.LookupFile(v)
	if err != nil {
		return err
	}
	data, _, err := db.File(ctx, file)
	if err != nil {
		return err
	}
	id, text, _, err := tlog.ParseRecord(data)
	if err != nil {
		return err
	}
	record, err := tlog.FormatRecord(id, text)
	if err != nil {
		return err
	}
	record = append(record, tree...)
	if err := shelf.Put(ctx, db.o.Store, db.object(file), record); err != nil {
		return err
	}
	db.remember(file, record)
	return nil
}

// lookUpFrom looks up a version as a client that has seen an earlier tree.
func (db *DB) lookUpFrom(tree string, v module.Version) error {
	_, err := sumdb.NewClient(&ops{db: db, latest: []byte(tree)}).Lookup(v.Path, v.Version)
	return err
}

func (db *DB) sealsName() shelf.Name { return shelf.SumDB(snapshot.SumDBObject(db.Name(), "seals")) }

// seals are the trees of earlier seals.
func (db *DB) seals(ctx context.Context) (trees []string) {
	data, err := shelf.Get(ctx, db.o.Store, db.sealsName())
	if err != nil && !store.IsFailure(err) {
		return nil
	}
	if json.Unmarshal(data, &trees) != nil {
		return nil
	}
	return trees
}
