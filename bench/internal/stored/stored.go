// Package stored reads what a save has left in a directory store, or in a bucket as versitygw
// stores it.
package stored

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/org/gocache-action/internal/snapshot"
)

// FindManifest reads one of the manifests of a store. All manifests of a save name the same
// objects.
func FindManifest(store string) (m *snapshot.Manifest, err error) {
	err = filepath.WalkDir(store, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(store, file)
		if err != nil {
			return err
		}
		if kind, _ := snapshot.KindOf(filepath.ToSlash(name)); kind != snapshot.KindManifest {
			return nil
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if m, err = snapshot.DecodeManifest(data); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		return fs.SkipAll
	})
	if err == nil && m == nil {
		err = fmt.Errorf("%s: no manifest", store)
	}
	return m, err
}
