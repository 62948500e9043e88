package checksums

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"golang.org/x/mod/sumdb"
)

// ops implements sumdb.ClientOps by the files of a DB.
type ops struct {
	db *DB

	mu     sync.Mutex
	latest []byte // the newest tree that is known
	down   error  // why a file could not be got
}

// ReadRemote implements sumdb.ClientOps.
func (o *ops) ReadRemote(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	file := strings.TrimPrefix(path, "/")
	data, _, err := o.db.File(ctx, file)
	if err != nil {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.down = err
	}
	return data, err
}

// ReadConfig implements sumdb.ClientOps.
func (o *ops) ReadConfig(file string) ([]byte, error) {
	if file == "key" {
		return []byte(o.db.o.Identity.Key), nil
	}
	return o.newest(), nil
}

// WriteConfig implements sumdb.ClientOps.
func (o *ops) WriteConfig(_ string, old, latest []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if string(old) != string(o.latest) {
		return sumdb.ErrWriteConflict
	}
	o.latest = latest
	return nil
}

func (o *ops) newest() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.latest
}

func (o *ops) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.down
}

// ReadCache implements sumdb.ClientOps: what is in the store is proven. What is only remembered may
// not be, and has to come by ReadRemote, or the client would not pass it to WriteCache.
func (o *ops) ReadCache(file string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	defer cancel()
	file = strings.TrimPrefix(file, o.db.Name()+"/")
	if k := kindOf(file); k == unknown || k != fixed && !o.db.o.Offline {
		return nil, fs.ErrNotExist
	}
	if data, ok := o.db.stored(ctx, file); ok {
		return data, nil
	}
	return nil, fs.ErrNotExist
}

// WriteCache implements sumdb.ClientOps. The client calls it with what it has proven.
func (o *ops) WriteCache(file string, data []byte) {
	file = strings.TrimPrefix(file, o.db.Name()+"/")
	k := kindOf(file)
	if k == unknown {
		return
	}
	if k == fixed || o.db.o.Partial {
		o.db.keep(file, data)
	}
	o.db.remember(file, data)
}

// Log implements sumdb.ClientOps.
func (o *ops) Log(string) {}

// SecurityError implements sumdb.ClientOps. The client returns an error beside it.
func (o *ops) SecurityError(text string) { o.db.o.Failed("verify", errors.New(text)) }
