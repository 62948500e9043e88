package proxy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/proxy/shelf"
)

// Fetch puts a version into the store, with all that belongs to it, and returns its hash. The
// module object follows in the background.
func (l *Library) Fetch(ctx context.Context, v module.Version) (sum string, err error) {
	if v.Path != toolchain {
		if _, err := l.Mod(ctx, v); err != nil {
			return "", err
		}
		if _, err := l.Info(ctx, v.Path, v.Version); err != nil {
			return "", err
		}
	}
	z, err := l.Zip(ctx, v)
	if err != nil {
		return "", err
	}
	return z.Sum, z.Close()
}

// Seal makes what the checksum database says about public versions provable for clients of a proxy
// without access.
func (l *Library) Seal(ctx context.Context, list []module.Version) error {
	if l.o.DB == nil {
		return nil
	}
	list = slices.DeleteFunc(slices.Clone(list), func(v module.Version) bool { return l.IsPrivate(v.Path) })
	return l.o.DB.Seal(ctx, list)
}

// CheckStored returns an error unless the go.mod of a version is in the store, and if wanted its
// tree. It may only be asked after Wait.
func (l *Library) CheckStored(ctx context.Context, v module.Version, tree bool) error {
	d := l.domain(v.Path)
	if v.Path != toolchain {
		if err := l.checkSmall(ctx, d.shelf.Mod(v)); err != nil {
			return fmt.Errorf("go.mod: %w", err)
		}
	}
	if !tree {
		return nil
	}
	if err := l.checkSmall(ctx, d.shelf.Sum(v)); err != nil {
		return fmt.Errorf("its hash: %w", err)
	}
	sums, err := l.sums(ctx, d, v)
	if err != nil {
		return err
	}
	has, err := d.shelf.Has(ctx, v, sums.Sum)
	if err == nil && !has {
		err = errNotStored
	}
	return err
}

var errNotStored = errors.New("it could not be stored")

func (l *Library) checkSmall(ctx context.Context, n shelf.Name) error {
	has, err := shelf.Exists(ctx, l.o.Store, n)
	if err == nil && !has {
		err = errNotStored
	}
	return err
}
