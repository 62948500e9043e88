package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"slices"
	"sync"

	"github.com/org/gocache-action/internal/jobstate"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/osfile"
	"github.com/org/gocache-action/internal/snapshot"
	"github.com/org/gocache-action/internal/store"
	"golang.org/x/mod/module"
	"golang.org/x/sync/errgroup"
)

// moduleJob is one module version to fetch.
type moduleJob struct {
	replace     bool // what is here looks complete and is not
	version     module.Version
	sum, modSum string   // h1 of the tree and of go.mod; modSum may be ""
	objects     []string // where it can be; the first that exists is taken
	size        int64    // stored bytes; 0 when no manifest tells
	bytes       int64    // of the tree; 0 when no manifest tells
	files       int      // the same
	listed      bool     // by the manifest: not finding it is a loss
	unproven    bool     // go.sum does not name it
}

// planModules lists what the manifest and go.sum name and what is not here yet.
func (r *run) planModules(ctx context.Context) error {
	for _, j := range r.wantedModules() {
		if ctx.Err() != nil { // each is measured, file by file
			return context.Cause(ctx)
		}
		here, whole := r.hasModule(j)
		if whole {
			r.tally.modules.Present++
			continue
		}
		if j.replace = here; here {
			r.warnReplaced(ctx, j)
		}
		r.modules = append(r.modules, j)
	}
	// The largest first: they would otherwise be what everyone waits for at the end.
	slices.SortStableFunc(r.modules, func(a, b moduleJob) int { return cmp.Compare(b.size, a.size) })
	return nil
}

// wantedModules joins the manifest's modules and those of go.sum. go.sum alone decides what a
// version's hash is; the manifest's own record counts only for versions that go.sum does not know,
// such as tools and toolchains.
func (r *run) wantedModules() []moduleJob {
	var jobs []moduleJob
	sums := r.Keys.Sums
	listed := map[module.Version]bool{}
	for _, m := range r.manifest().Modules {
		v := module.Version{Path: m.Path, Version: m.Version}
		if r.NoToolchains && v.Path == modcache.Toolchain {
			continue
		}
		want, inSum := sums.Zip[v]
		if m.InSum && !inSum {
			continue // a dependency that go.sum no longer selects
		}
		if inSum && want != m.Sum {
			r.refuse(v, fmt.Sprintf("manifest says %s, go.sum says %s", m.Sum, want))
			continue
		}
		listed[v] = true
		modSum := cmp.Or(sums.Mod[v], m.ModSum)
		jobs = append(jobs, moduleJob{version: v, sum: m.Sum, modSum: modSum, objects: []string{m.Object}, size: m.Size, bytes: m.Bytes, files: m.Files, listed: true, unproven: !inSum})
	}
	if m := r.matched(); m != nil && m.Exact {
		// With the same go.sum, what the job did not need then it does not need now.
		return jobs
	}
	for v, sum := range sums.Zip {
		if listed[v] || !r.Keys.Fetches(v) {
			continue
		}
		objects, err := r.moduleObjects(v, sum)
		if err != nil { // a line of go.sum that is wrong
			r.refuse(v, err.Error())
			continue
		}
		jobs = append(jobs, moduleJob{version: v, sum: sum, modSum: sums.Mod[v], objects: objects})
	}
	slices.SortFunc(jobs, func(a, b moduleJob) int {
		return cmp.Or(cmp.Compare(a.version.Path, b.version.Path), cmp.Compare(a.version.Version, b.version.Version))
	})
	return jobs
}

// moduleObjects names the places where a module can be: the shared prefix, or for a private one
// the scopes that this job may read.
func (r *run) moduleObjects(v module.Version, sum string) ([]string, error) {
	if !module.MatchPrefixPatterns(r.Private, v.Path) {
		name, err := snapshot.ModuleObject(v, sum)
		return []string{name}, err
	}
	var names []string
	for _, s := range r.scopes() {
		if s == "" {
			continue
		}
		name, err := snapshot.ScopedModuleObject(r.Repo, s, v, sum)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// hasModule reports whether the go command takes the version to be complete, and whether
// it is. Where the manifest knows the size of the tree, a tree of another size is broken.
func (r *run) hasModule(j moduleJob) (here, whole bool) {
	m := r.mods.Stat(j.version)
	if m.State != modcache.Complete || m.Sum != j.sum {
		return false, false
	}
	if j.bytes != 0 {
		if _, bytes, err := r.mods.Measure(j.version); err != nil || bytes != j.bytes {
			return true, false
		}
	}
	return false, m.HasZip || !r.zip(j.version)
}

// warnReplaced says what of a tree that the go command would have built goes: a file that somebody
// put there may be missed.
func (r *run) warnReplaced(ctx context.Context, j moduleJob) {
	d, err := r.mods.Deviation(ctx, j.version, j.sum)
	if err == nil && len(d.Extra)+len(d.Changed) > 0 {
		r.tally.warn("the tree of module %s is not what its hash says and is replaced; %s", j.version, d)
	}
}

// zip reports whether the zip of a version is to be rebuilt. No go command asks for that of a
// toolchain which is there, and it would be as large as all other modules together.
func (r *run) zip(v module.Version) bool { return r.Zips && v.Path != modcache.Toolchain }

func (r *run) refuse(v module.Version, reason string) {
	r.tally.add(func() {
		r.tally.modules.Refused++
		r.tally.losses = append(r.tally.losses, Loss{What: v.String(), Reason: reason, Kind: "refused"})
	})
}

// restoreModule runs one moduleJob: the tree is unpacked beside the module cache while it arrives,
// and moved in when its hash is what go.sum says.
func (r *run) restoreModule(ctx context.Context, j moduleJob, fetched func()) error {
	object := ""
	err := twice(func() (err error) {
		var body *ahead
		if body, object, err = r.openModule(ctx, j, fetched); err != nil {
			return err
		}
		defer body.Close()
		return r.unpackModule(ctx, j, body)
	})
	if errors.Is(err, store.ErrNotFound) {
		r.missModule(j)
		return nil
	}
	return r.moduleDone(j, object, err)
}

// twice does once more what failed for what was read, and not for the store or the disk: perhaps
// the bytes were wrong only on their way. A file that another program has open was waited for
// already.
func twice(read func() error) error {
	err := read()
	if err == nil || isStore(err) || isLocal(err) || errors.Is(err, store.ErrNotFound) || errors.Is(err, fs.ErrExist) || errors.Is(err, modcache.ErrBusy) || errors.Is(err, errUnchecked) || osfile.IsLocked(err) {
		return err
	}
	return read()
}

// moduleDone tells what the outcome of a module means: a failure of the store ends the restore,
// anything wrong with the bytes costs this module only, and so does a place on the disk where it
// cannot be written.
func (r *run) moduleDone(j moduleJob, object string, err error) error {
	switch {
	case err == nil:
		r.modPart.works()
		r.tally.add(func() { r.tally.modules.Restored++ })
	case errors.Is(err, fs.ErrExist):
		r.tally.add(func() { r.tally.modules.Present++ })
	case errors.Is(err, modcache.ErrBusy):
		r.tally.add(func() { r.tally.modules.Present++ })
		r.tally.warn("module %s is being written by a go command and was left to it", j.version)
	case isLocal(err):
		return r.tolerate(&r.modPart, j.version.String(), "module "+j.version.String(), fmt.Errorf("module %s: %w", j.version, err), func() {
			r.tally.add(func() { r.tally.modules.Refused++ })
		})
	case osfile.IsLocked(err):
		r.tally.add(func() { r.tally.modules.Refused++ })
		return r.leaveLocked("module "+j.version.String(), err)
	case isStore(err):
		return fetchError(object, err)
	case errors.Is(err, errUnchecked):
		r.refuse(j.version, err.Error())
	default:
		r.refuse(j.version, err.Error())
		r.tally.add(func() {
			r.tally.damages = append(r.tally.damages, jobstate.Damage{Object: object, Frame: -1, Reason: err.Error()})
		})
	}
	return nil
}

// missModule counts a module that the store does not have. What only go.sum
// names was perhaps never saved, which is nothing to report.
func (r *run) missModule(j moduleJob) {
	r.tally.add(func() { r.tally.modules.Missing++ })
	if j.listed {
		r.tally.damage(jobstate.Damage{Object: j.objects[0], Frame: -1, Reason: store.ErrNotFound.Error()}, "missing")
	}
}

// bigModule is the stored size from which a module is read in parallel ranges: toolchains, mostly.
const bigModule = 24 << 20

func (r *run) openModule(ctx context.Context, j moduleJob, fetched func()) (frames *ahead, object string, err error) {
	frames, _, err = r.fetch(ctx, fetched, nil, func(ctx context.Context) (body io.ReadCloser, info store.Info, err error) {
		err = store.ErrNotFound // a private module and no scope to look in
		for _, object = range j.objects {
			if j.size >= bigModule {
				body, info, err = store.OpenParallel(ctx, r.Store, object, 0, -1, bigModule/3, 3)
			} else {
				body, info, err = r.Store.Open(ctx, object, 0, -1)
			}
			if !errors.Is(err, store.ErrNotFound) {
				break
			}
		}
		if err == nil && info.Size > snapshot.MaxModule {
			err = errors.Join(fmt.Errorf("%w: object of %d bytes", snapshot.ErrCorrupt, info.Size), body.Close())
		}
		return body, info, err
	})
	return frames, object, err
}

func (r *run) unpackModule(ctx context.Context, j moduleJob, body snapshot.Source) error {
	rd := snapshot.NewReader(body, nil, r.buffers)
	defer rd.Close()
	inst, err := r.stage.Begin(j.version, modcache.InstallOptions{Zip: r.zip(j.version), Replace: j.replace, Files: j.files, Bytes: j.bytes})
	if err != nil {
		return diskError(err)
	}
	defer inst.Abort() // no-op after Commit
	unpack := r.unpackSerial
	if j.bytes == 0 || j.bytes >= largeTree {
		unpack = r.unpackParallel
	}
	if err := unpack(inst, rd); err != nil {
		return err
	}
	rd.Close() // before waiting for anything
	if err := r.checkSum(ctx, j); err != nil {
		return err
	}
	return diskError(inst.Commit(j.sum, j.modSum))
}

// largeTree is the size from which the files of one module are hashed and written by several
// goroutines: with many jobs at once each gets a small share of the cores, and a job of a second
// alone would be what everyone waits for at the end.
const largeTree = 16 << 20

func (r *run) unpackSerial(inst *modcache.Install, rd *snapshot.Reader) error {
	for {
		m, err := rd.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := r.createMember(inst, m, rd); err != nil {
			return err
		}
	}
}

// unpackParallel reads members in order and leaves hashing and writing to as many goroutines as
// there are cores. Files that lie in several frames it writes itself.
func (r *run) unpackParallel(inst *modcache.Install, rd *snapshot.Reader) error {
	g, ctx := errgroup.WithContext(context.Background())
	g.SetLimit(runtime.GOMAXPROCS(0))
	var writing sync.WaitGroup
	rd.WaitIdle(writing.Wait)
	err := r.handOut(ctx, g, &writing, inst, rd)
	return errors.Join(g.Wait(), err)
}

func (r *run) handOut(ctx context.Context, g *errgroup.Group, writing *sync.WaitGroup, inst *modcache.Install, rd *snapshot.Reader) error {
	for ctx.Err() == nil {
		m, err := rd.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		data, ok := rd.Bytes(m)
		if !ok {
			if err := r.createMember(inst, m, rd); err != nil {
				return err
			}
			continue
		}
		writing.Add(1)
		g.Go(func() error {
			defer writing.Done()
			return r.writeMember(inst, m, data)
		})
	}
	return nil
}

// writeMember writes one file that is in memory.
func (r *run) writeMember(inst *modcache.Install, m snapshot.Member, data []byte) error {
	if err := inst.WriteFile(m.Name, m.Mode, data); err != nil {
		return diskError(err)
	}
	r.Meter.Disk.Add(m.Size)
	r.Meter.Files.Add(1)
	return nil
}

// createMember writes one file of a module.
func (r *run) createMember(inst *modcache.Install, m snapshot.Member, src *snapshot.Reader) error {
	if data, ok := src.Bytes(m); ok {
		return r.writeMember(inst, m, data)
	}
	w, err := inst.Create(m.Name, m.Mode, m.Size)
	if err != nil {
		return diskError(err)
	}
	return r.copyMember(w, src, m.Size)
}

// copyMember copies one member, and tells failures of the disk from those of the source.
func (r *run) copyMember(w io.WriteCloser, src io.Reader, size int64) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	for left := size; left > 0; {
		p := (*buf)[:min(left, int64(len(*buf)))]
		if _, err := io.ReadFull(src, p); err != nil {
			w.Close()
			return err
		}
		if _, err := w.Write(p); err != nil {
			w.Close()
			return diskError(err)
		}
		left -= int64(len(p))
	}
	if err := w.Close(); err != nil {
		return diskError(err)
	}
	r.Meter.Disk.Add(size)
	r.Meter.Files.Add(1)
	return nil
}
