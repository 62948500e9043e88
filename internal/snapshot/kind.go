package snapshot

import (
	"bufio"
	"bytes"
	"cmp"
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
	// KindProxy are the small objects of module proxies, which are kept.
	KindProxy Kind = "proxy"
	// KindHealth are the last grades of jobs, which are kept while their scope has a manifest.
	KindHealth Kind = "health"
	KindOther  Kind = "other"
)

// titles are what tables call the objects of a kind.
var titles = map[Kind]string{
	KindManifest: "snapshots", KindPack: "packs", KindModule: "modules", KindProxy: "of module proxies", KindHealth: "of health",
}

// Title is what tables call the objects of a kind.
func (k Kind) Title() string { return cmp.Or(titles[k], string(k)) }

// KindOf tells what an object is, and to which repository it belongs: the escaped
// element of its name, "" for what repositories share.
func KindOf(name string) (kind Kind, repo string) {
	if strings.HasPrefix(name, ReposRoot) {
		if e := strings.SplitN(name, "/", 6); len(e) == 6 {
			return kindBelow(e[4], e[5], name), e[2]
		}
	}
	switch {
	case isModuleObject(name):
		return KindModule, ""
	case strings.HasPrefix(name, root+"/proxy/"), strings.HasPrefix(name, root+"/sumdb/"):
		return KindProxy, ""
	}
	return KindOther, ""
}

func kindBelow(dir, rest, name string) Kind {
	switch {
	case dir == "snapshots":
		return KindManifest
	case dir == "packs" && isHex64(rest):
		return KindPack
	case dir == "modules" && isModuleHash(path.Base(name)):
		return KindModule
	case dir == "proxy":
		return KindProxy
	case dir == "health":
		return KindHealth
	}
	return KindOther
}

// Names lists the objects that a stored manifest names: packs, then modules, each followed by the
// base that it builds upon, if there is one. It checks the hash of
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
	var packs, modules []string
	var numPacks, numModules int
	err := j.object(func(field string) error {
		switch field {
		case "packs":
			return j.list(min(MaxPacks, limit)-numPacks, func() error {
				numPacks++
				var named struct{ Object string }
				err := j.read(&named)
				packs = append(packs, named.Object)
				return cmp.Or(err, validNames(isPackObject, named.Object))
			})
		case "modules":
			return j.list(min(MaxModules, limit)-numModules, func() error {
				numModules++
				var named struct {
					Object string
					Base   *struct{ Object string }
				}
				err := j.read(&named)
				list := []string{named.Object}
				if named.Base != nil {
					list = append(list, named.Base.Object)
				}
				modules = append(modules, list...)
				return cmp.Or(err, validNames(isModuleObject, list...))
			})
		}
		return j.skip()
	})
	if err == nil {
		err = j.end()
	}
	return append(packs, modules...), err
}

func validNames(valid func(string) bool, names ...string) error {
	for _, n := range names {
		if !valid(n) {
			return fmt.Errorf("object name %.200q", n)
		}
	}
	return nil
}
