package proxy

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/proxy/shelf"
	"github.com/org/gocache-action/internal/proxy/upstream"
	"github.com/org/gocache-action/internal/snapshot"
)

// A bundle is a tar archive of modules, to be carried into a network without access. It has for
// each version PATH/@v/VERSION.mod, .info and .object, the module object as it is stored. Nothing
// in it is believed: what is imported has to have the hashes of a go.sum.

// Needed is a version that go.sum names.
type Needed struct {
	Version     module.Version
	Sum, ModSum string // as in go.sum; "" what it does not name
}

// objectSuffix is that of module objects in a bundle.
const objectSuffix = ".object"

// Export writes a bundle. What is not in the store is fetched.
func (l *Library) Export(ctx context.Context, w io.Writer, list []Needed) error {
	tw := tar.NewWriter(w)
	for _, n := range list {
		if err := l.exportOne(ctx, tw, n); err != nil {
			return fmt.Errorf("%s: %w", n.Version, err)
		}
	}
	return tw.Close()
}

func (l *Library) exportOne(ctx context.Context, tw *tar.Writer, n Needed) error {
	base, err := bundleName(n.Version)
	if err != nil {
		return err
	}
	if n.Version.Path != toolchain {
		a, err := l.Mod(ctx, n.Version)
		if err != nil {
			return err
		}
		if err := addBytes(tw, base+".mod", a.Data); err != nil {
			return err
		}
	}
	if n.Sum == "" {
		return nil
	}
	if a, err := l.Info(ctx, n.Version.Path, n.Version.Version); err == nil {
		if err := addBytes(tw, base+".info", a.Data); err != nil {
			return err
		}
	}
	return l.exportObject(ctx, tw, n, base+objectSuffix)
}

// exportObject writes the whole module object.
func (l *Library) exportObject(ctx context.Context, tw *tar.Writer, n Needed, name string) error {
	f, err := os.CreateTemp("", "gocache-bundle-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := l.domain(n.Version.Path).shelf.WriteObject(ctx, n.Version, n.Sum, f); err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644}); err != nil {
		return err
	}
	_, err = io.Copy(tw, io.NewSectionReader(f, 0, size))
	return err
}

func addBytes(tw *tar.Writer, name string, data []byte) error {
	if err := tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(data)), Mode: 0o644}); err != nil {
		return err
	}
	_, err := tw.Write(data)
	return err
}

func bundleName(v module.Version) (string, error) {
	path, err := module.EscapePath(v.Path)
	if err != nil {
		return "", err
	}
	version, err := module.EscapeVersion(v.Version)
	return path + "/@v/" + version, err
}

// Imported says what an import has found.
type Imported struct {
	Modules, Mods int
	Skipped       int      // files of versions that go.sum does not name
	Missing       []string // what go.sum names and the bundle does not have
}

// Import stores what of a bundle a go.sum names, if it has the hashes that are there. The first
// file that has not ends the import with an error; what was stored until then is right.
func (l *Library) Import(ctx context.Context, r io.Reader, list []Needed) (Imported, error) {
	im := importer{l: l, needed: map[string]Needed{}, got: map[string]bool{}}
	for _, n := range list {
		base, err := bundleName(n.Version)
		if err != nil {
			return im.out, err
		}
		im.needed[base] = n
	}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return im.out, fmt.Errorf("bundle: %w", err)
		}
		if err := im.member(ctx, h, tr); err != nil {
			return im.out, fmt.Errorf("bundle: %.300q: %w", h.Name, err)
		}
	}
	im.missing(list)
	return im.out, nil
}

// importer is one import.
type importer struct {
	l      *Library
	needed map[string]Needed // by name in the bundle
	got    map[string]bool   // names of files that were stored
	alone  bool              // the checksum database cannot be asked
	out    Imported
}

func (im *importer) member(ctx context.Context, h *tar.Header, body io.Reader) error {
	if h.Typeflag != tar.TypeReg {
		return errors.New("not a regular file")
	}
	for _, suffix := range []string{".mod", ".info", objectSuffix} {
		base, ok := strings.CutSuffix(h.Name, suffix)
		if !ok {
			continue
		}
		n, ok := im.needed[base]
		if !ok {
			break
		}
		if suffix == objectSuffix {
			return im.object(ctx, n, h.Name, h.Size, body)
		}
		if h.Size > upstream.MaxMod {
			return fmt.Errorf("%d bytes", h.Size)
		}
		data, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		return im.small(ctx, n, h.Name, suffix, data)
	}
	im.out.Skipped++
	return nil
}

// small stores a .mod or an .info. What was there before stays.
func (im *importer) small(ctx context.Context, n Needed, name, suffix string, data []byte) error {
	d := im.l.domain(n.Version.Path)
	if suffix == ".info" {
		if _, err := upstream.ParseInfo(n.Version.Path, n.Version.Version, data); err != nil {
			return err
		}
		return im.first(ctx, d.shelf.Info(n.Version), data, true)
	}
	switch got := modcache.GoModSum(data); n.ModSum {
	case "":
		return nil // go.sum does not need it, and cannot prove it
	case got:
	default:
		return fmt.Errorf("go.mod has the hash %s, and go.sum says %s", got, n.ModSum)
	}
	if err := im.confirm(ctx, n); err != nil {
		return err
	}
	if err := im.first(ctx, d.shelf.Mod(n.Version), data, false); err != nil {
		return err
	}
	im.out.Mods++
	im.got[name] = true
	return nil
}

// first stores what is not there. Something else that is there is an error, unless it may differ.
func (im *importer) first(ctx context.Context, n shelf.Name, data []byte, mayDiffer bool) error {
	err := shelf.PutFirst(ctx, im.l.o.Store, n, data)
	var different *shelf.DifferentError
	if mayDiffer && errors.As(err, &different) {
		return nil
	}
	return err
}

// confirmTime is how long the checksum database may take for an answer.
const confirmTime = 10 * time.Second

// confirm asks the checksum database, where it can be asked, whether go.sum is right about a public
// module: all proxies of the store will believe it.
func (im *importer) confirm(ctx context.Context, n Needed) error {
	d := im.l.domain(n.Version.Path)
	if d.db == nil || im.l.o.Offline || im.alone {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, confirmTime)
	defer cancel()
	sums, err := im.l.sums(ctx, d, n.Version)
	switch {
	case err != nil && (ctx.Err() != nil || upstream.IsOutage(err)):
		im.alone = true // as it is where bundles are for
		return nil
	case upstream.IsAbsent(err):
		return errNotVerifiable
	case err != nil:
		return err
	case n.Sum != "" && sums.Sum != n.Sum:
		return fmt.Errorf("go.sum says %s, and the checksum database %s", n.Sum, sums.Sum)
	case n.ModSum != "" && sums.ModSum != n.ModSum:
		return fmt.Errorf("go.sum says %s of its go.mod, and the checksum database %s", n.ModSum, sums.ModSum)
	}
	return nil
}

// object stores a module object, once it is verified as a whole.
func (im *importer) object(ctx context.Context, n Needed, name string, size int64, body io.Reader) error {
	if n.Sum == "" {
		im.out.Skipped++
		return nil
	}
	if size > snapshot.MaxModule {
		return fmt.Errorf("%d bytes", size)
	}
	if err := im.confirm(ctx, n); err != nil {
		return err
	}
	f, err := os.CreateTemp("", "gocache-bundle-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := io.Copy(f, body); err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := shelf.Verify(f, n.Version, n.Sum); err != nil {
		return err
	}
	d := im.l.domain(n.Version.Path)
	if n.ModSum != "" { // or online proxies would take it for the proof that there is no go.mod
		sums := shelf.Sums{Sum: n.Sum, ModSum: n.ModSum}
		if err := im.first(ctx, d.shelf.Sum(n.Version), sums.Encode(), false); err != nil {
			return err
		}
	}
	if err := d.shelf.PutObject(ctx, n.Version, n.Sum, f, size); err != nil {
		return err
	}
	im.out.Modules++
	im.got[name] = true
	return nil
}

// missing lists what go.sum names and was not there.
func (im *importer) missing(list []Needed) {
	for _, n := range list {
		base, err := bundleName(n.Version)
		if err != nil {
			continue
		}
		switch {
		case n.Sum != "" && !im.got[base+objectSuffix]:
			im.out.Missing = append(im.out.Missing, n.Version.String())
		case n.ModSum != "" && !im.got[base+".mod"]:
			im.out.Missing = append(im.out.Missing, n.Version.String()+"/go.mod")
		}
	}
}
