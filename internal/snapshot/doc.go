// Package snapshot defines the stored format: object names, frames, packs, module
// objects and manifests. docs/format.md describes the same for other programs.
//
// It holds no policy, starts no goroutine and touches no network. Every reader treats its input as
// hostile; the limits below are checked before a length is trusted or memory is taken:
//
//   - a frame decodes to at most [MaxFrameRaw] bytes (16 MiB, what writers cut frames at) and is
//     stored in at most [MaxFrameStored]; it is not empty;
//   - a member name has at most [MaxName] bytes (4096), is relative, slash-separated, clean, valid
//     UTF-8, and has no "..", no backslash, no control character; members are regular files only:
//     no links, devices or directories; the headers before a member have at most 16 KiB;
//   - a module object is stored in at most [MaxModule] bytes (1 GiB); a delta begins with at most 1
//     MiB, and takes at most [MaxModuleFiles] files from its base, which is another version of the
//     same module, below the same prefix, and whole;
//   - a manifest is stored in at most [MaxManifest] bytes (256 MiB) and has at most [MaxEntries] (8
//     million) actions and outputs each, [MaxExtents] extents, [MaxPacks] packs, [MaxFrames] frames,
//     [MaxModules] modules, [MaxGraph] dated versions, [MaxTrees] trees; one thing with a hash for
//     each 16 stored bytes, 65,536 apart, and one extent for every 2, 262,144 apart: to read one
//     takes at most 210 MiB and 20 bytes for each stored byte;
//   - in a manifest packs, modules, outputs and actions are in order, and each comes once;
//   - the extents of an output lie in frames of chunks, all but the last have at least [chunk.Min]
//     bytes, and together they are as long as the output;
//   - all extents together take at most [MaxFrameUse] bytes (64 GiB) from a frame, and
//     [MaxAmplification] (1,000) more for each byte that it is stored in;
//   - a pack has at most [MaxPackChunks] chunks of at most [chunk.Max] bytes, which fill its frames.
package snapshot

// Format is the version of the stored format that this package writes, and the only one it reads.
const Format = 2

// Limits of the format; see the package comment.
const (
	FrameSize      = 16 << 20
	MaxFrameRaw    = FrameSize
	MaxFrameStored = MaxFrameRaw + 64<<10
	MaxName        = 4096
	MaxManifest    = 256 << 20
	MaxEntries     = 8 << 20
	MaxPacks       = 1 << 18
	MaxFrames      = 1 << 20
	MaxModules     = 1 << 20
	MaxModule      = 1 << 30 // stored bytes of a module object
	MaxModuleFiles = 1 << 18 // of the tree of a base
	MaxGraph       = 1 << 18
	MaxTrees       = 64
	MaxTreeFiles   = 1 << 20 // of one tree
	MaxExtents     = 8 << 20
	MaxPackChunks  = 1 << 18
)
