package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// throughTar does what actions/cache does: it writes one archive of both directories, compressed by
// zstd on all cores, to the disk, and unpacks it.
func (t *trial) throughTar(ctx context.Context, from string) error {
	for _, name := range []string{"tar", "zstd"} {
		if _, err := exec.LookPath(name); err != nil {
			t.res.TarMissing = fmt.Sprintf("no %s in PATH to compare with", name)
			return nil
		}
	}
	archive, to := filepath.Join(t.tmp, "cache.tzst"), filepath.Join(t.tmp, "third")
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	t.run.out.say("the same with tar and zstd")
	c := new(tryCache)
	start := time.Now()
	err := pipe(
		exec.CommandContext(ctx, "tar", "-cf", "-", "-C", from, "."),
		exec.CommandContext(ctx, "zstd", "-q", "-T0", "-o", archive))
	if err != nil {
		return fmt.Errorf("tar and zstd: %w", err)
	}
	c.Save = time.Since(start).Seconds()
	info, err := os.Stat(archive)
	if err != nil {
		return err
	}
	c.Stored = info.Size()
	start = time.Now()
	err = pipe(
		exec.CommandContext(ctx, "zstd", "-q", "-d", "-c", archive),
		exec.CommandContext(ctx, "tar", "-xf", "-", "-C", to))
	if err != nil {
		return fmt.Errorf("zstd and tar: %w", err)
	}
	c.Restore = time.Since(start).Seconds()
	t.res.Tar = c
	return nil
}

// pipe runs two commands, the output of the first being the input of the second.
func pipe(from, to *exec.Cmd) error {
	out, err := from.StdoutPipe()
	if err != nil {
		return err
	}
	to.Stdin = out
	if err := from.Start(); err != nil {
		return err
	}
	startErr := to.Start()
	// The second has the pipe now. With ours open too, the first would hang on a full
	// pipe when the second ends early.
	out.Close()
	if startErr != nil {
		return errors.Join(startErr, from.Wait())
	}
	return errors.Join(to.Wait(), from.Wait())
}
