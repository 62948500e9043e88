package snapshot

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/digest"
)

// HashPack reads a pack, and returns its frames as a manifest should have them, and the SHA-256 of
// its bytes, by which it should be named. It decodes nothing and holds no more than buf, which has
// some KiB at least, unless there is a prover, which is given each frame. The error is ErrCorrupt
// if the object is no sequence of frames; the hash is that of what was read.
func HashPack(r io.Reader, buf []byte, prover *ChunkProver) (frames []Frame, name digest.ID, err error) {
	whole := sha256.New()
	for {
		f, err := hashFrame(io.TeeReader(r, prover.sink(whole)), buf)
		if err == io.EOF {
			whole.Sum(name[:0])
			return frames, name, nil
		}
		if err != nil {
			return frames, name, err
		}
		prover.frame(f)
		if len(frames) == MaxFrames {
			return frames, name, fmt.Errorf("%w: pack of more than %d frames", ErrCorrupt, MaxFrames)
		}
		frames = append(frames, f)
	}
}

// hashFrame reads one frame; io.EOF is the end of the pack.
func hashFrame(r io.Reader, buf []byte) (f Frame, err error) {
	h := sha256.New()
	head := buf[:frameHeaderSize]
	if _, err := io.ReadFull(r, head); err != nil {
		return f, err
	}
	ok := false
	if f.Size, ok = storedSize(head); !ok {
		return f, fmt.Errorf("%w: no frame header", ErrCorrupt)
	}
	h.Write(head)
	for left := f.Size - frameHeaderSize; left > 0; {
		part := buf[:min(left, int64(len(buf)))]
		if _, err := io.ReadFull(r, part); err != nil {
			return f, noEOF(err)
		}
		if f.Raw == 0 {
			var z zstd.Header
			if err := z.Decode(part); err != nil || !z.HasFCS || z.FrameContentSize < 1 || z.FrameContentSize > MaxFrameRaw {
				return f, fmt.Errorf("%w: no zstd frame", ErrCorrupt)
			}
			f.Raw = int64(z.FrameContentSize)
		}
		h.Write(part)
		left -= int64(len(part))
	}
	h.Sum(f.Sum[:0])
	return f, nil
}

// ModuleOf reads the name of a module object: which version it has, and the h1 hash of its tree.
func ModuleOf(object string) (v module.Version, sum string, ok bool) {
	if !isModuleObject(object) {
		return v, "", false
	}
	rest, shared := strings.CutPrefix(object, root+"/modules/")
	if !shared {
		rest = strings.SplitN(rest, "/", 6)[5] // isModuleObject has counted them
	}
	hash, err1 := hex.DecodeString(strings.TrimSuffix(path.Base(object), deltaSuffix))
	esc, found := strings.CutSuffix(moduleDir(rest), "/@v")
	p, err2 := module.UnescapePath(esc)
	v = module.Version{Path: p, Version: Base{Object: object}.Version()}
	return v, "h1:" + base64.StdEncoding.EncodeToString(hash), found && err1 == nil && err2 == nil && v.Version != ""
}

// Place is the name that a manifest belongs under.
func (m *Manifest) Place() string { return ManifestObject(m.Repo, m.Scope, m.Key) }
