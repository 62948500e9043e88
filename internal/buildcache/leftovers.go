package buildcache

import (
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// OldPartials lists outputs that were begun, are not whole, and were not written to since before:
// what a restore left behind that was killed. It reads names only.
func OldPartials(c *Cache, before time.Time) (files []string, err error) {
	for i := range 256 {
		shard := filepath.Join(c.dir, fmt.Sprintf("%02x", i))
		list, readErr := os.ReadDir(shard)
		if os.IsNotExist(readErr) {
			continue
		}
		if readErr != nil {
			return files, fmt.Errorf("looking for partial outputs: %w", readErr)
		}
		for _, d := range list {
			if !isPartial(d.Name()) {
				continue
			}
			if info, err := d.Info(); err == nil && info.ModTime().Before(before) {
				files = append(files, filepath.Join(shard, d.Name()))
			}
		}
	}
	return files, nil
}
