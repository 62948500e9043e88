package snapshot

import (
	"bufio"
	"bytes"
	"fmt"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Prefixes of the names of all objects, and of those of repositories, for those who list a store.
const (
	Root      = root + "/"
	ReposRoot = root + "/repos/"
)

// A Kind of object, told from its name alone.
type Kind string

// The kinds. What is KindOther was put there by something else, or by a later version.
const (
	KindManifest Kind = "manifest"
	KindPack     Kind = "pack"
	KindModule   Kind = "module"
	KindOther    Kind = "other"
)

// KindOf tells what an object is, and to which repository it belongs: the escaped
// element of its name, "" for what repositories share.
func KindOf(name string) (kind Kind, repo string) {
	if strings.HasPrefix(name, ReposRoot) {
		if e := strings.SplitN(name, "/", 6); len(e) == 6 {
			return kindBelow(e[4], e[5], name), e[2]
		}
	}
	if isModuleObject(name) {
		return KindModule, ""
	}
	return KindOther, ""
}

func kindBelow(dir, rest, name string) Kind {
	switch {
	case dir == "snapshots":
		return KindManifest
	case dir == "packs" && isHex64(rest):
		return KindPack
	case dir == "modules" && isHex64(path.Base(name)):
		return KindModule
	}
	return KindOther
}

// Names lists the objects that a stored manifest names: packs, then modules. It checks the hash of
// the manifest, but decodes no table, so that it costs a small part of DecodeManifest. Errors are
// those of DecodeManifest.
func Names(data []byte) ([]string, error) {
	_, body, err := openManifest(data)
	if err != nil {
		return nil, err
	}
	zr, err := zstd.NewReader(bytes.NewReader(body), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	defer zr.Close()
	j := newJSONReader(bufio.NewReaderSize(zr, 1<<16), maxJSONIn(len(body)))
	names, err := readNames(j, maxEntriesIn(len(body)))
	if err != nil {
		return nil, fmt.Errorf("%w: manifest: %w", ErrCorrupt, err)
	}
	return names, nil
}

// readNames reads the names of packs and modules, at most limit of each.
func readNames(j *jsonReader, limit int) ([]string, error) {
	names := map[string][]string{}
	err := j.object(func(field string) error {
		valid, most := isPackObject, MaxPacks
		switch field {
		case "packs":
		case "modules":
			valid, most = isModuleObject, MaxModules
		default:
			return j.skip()
		}
		return j.list(min(most, limit)-len(names[field]), func() error {
			var named struct{ Object string }
			if err := j.read(&named); err != nil {
				return err
			}
			if !valid(named.Object) {
				return fmt.Errorf("object name %.200q", named.Object)
			}
			names[field] = append(names[field], named.Object)
			return nil
		})
	})
	if err == nil {
		err = j.end()
	}
	return append(names["packs"], names["modules"]...), err
}
