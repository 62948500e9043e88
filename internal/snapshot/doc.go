// Package snapshot defines the stored format: object names, frames, packs, module
// objects and manifests. docs/format.md describes the same for other programs.
//
// It holds no policy, starts no goroutine and touches no network. Every reader treats its input as hostile; the
// limits below are checked before a length is trusted or memory is taken:
//
//   - a frame decodes to at most [MaxFrameRaw] bytes (32 MiB) and is stored in at most [MaxFrameStored];
//     writers cut frames at [FrameSize] (16 MiB);
//   - a member name has at most [MaxName] bytes (4096), is relative, slash-separated, clean, and has no "..",
//     no backslash, no NUL; members are regular files only: no links, devices or directories;
//   - a manifest is stored in at most [MaxManifest] bytes (256 MiB) and has at most [MaxEntries] (8 million)
//     actions and outputs each, [MaxPacks] packs, [MaxFrames] frames and [MaxModules] modules.
package snapshot

// Format is the version of the stored format that this package writes, and the only one it reads.
const Format = 1

// Limits of the format; see the package comment.
const (
	FrameSize      = 16 << 20
	MaxFrameRaw    = 32 << 20
	MaxFrameStored = MaxFrameRaw + 1<<20
	MaxName        = 4096
	MaxManifest    = 256 << 20
	MaxEntries     = 8 << 20
	MaxPacks       = 1 << 18
	MaxFrames      = 1 << 20
	MaxModules     = 1 << 20
)
