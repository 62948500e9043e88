package checksums

import (
	"errors"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb"

	"github.com/org/gocache-action/internal/proxy/upstream"
)

// client is a client of the database that lives for some lookups.
type client struct {
	*sumdb.Client
	ops  *ops
	left int
}

// currentClient returns a client that knows the newest tree that any before it has known.
func (db *DB) currentClient() *client {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.client == nil || db.client.left == 0 {
		db.replaceClient()
	}
	db.client.left--
	return db.client
}

func (db *DB) dropClient(c *client) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.client == c {
		db.replaceClient()
	}
}

// replaceClient makes a new client. The caller holds mu.
func (db *DB) replaceClient() {
	o := &ops{db: db}
	if db.client != nil {
		o.latest = db.client.ops.newest()
	}
	db.client = &client{Client: sumdb.NewClient(o), ops: o, left: lookupsOfClient}
}

// failed sorts an error of the client, which wraps no causes: either something could not be got, or
// what was got proves nothing.
func (c *client) failed(v module.Version, err error) error {
	kind := upstream.Refused
	if down := c.ops.failed(); down != nil && !errors.Is(err, sumdb.ErrSecurity) {
		kind, err = upstream.KindOf(down), down
		if kind == upstream.Absent {
			kind = upstream.Outage // of a tile: the answer is there, and its proof is not
		}
	}
	return &upstream.Error{Kind: kind, Source: c.ops.db.Name(), What: v.String(), Err: err}
}
