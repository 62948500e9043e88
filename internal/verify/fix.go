package verify

import (
	"context"
	"errors"

	"github.com/org/gocache-action/internal/buildcache"
	"github.com/org/gocache-action/internal/digest"
	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
	"github.com/org/gocache-action/internal/store"
)

// idleEvery is the number of outputs that are removed before go commands are looked for again.
const idleEvery = 100

// Fix removes what Run found to fail, see the package comment. What cannot be removed stays, and
// the error says why; Recheck finds out what is right now.
func Fix(ctx context.Context, o Options, res *Result) error {
	v := newVerifier(o, res)
	v.Meter.SetPhase("fix")
	if err := v.idle(); err != nil {
		return err
	}
	return errors.Join(v.fixModules(ctx), v.fixOutputs(ctx))
}

func (v *verifier) idle() error {
	if v.Idle == nil {
		return nil
	}
	return v.Idle()
}

// fixModules mends one version after the other. A version that a go command has locked stays.
func (v *verifier) fixModules(ctx context.Context) (err error) {
	if len(v.res.modules) == 0 {
		return nil
	}
	unlock, err := v.mods.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	stage, err := v.mods.NewStage()
	if err != nil {
		return err
	}
	h := newHasher(v)
	var failed []error
	for _, f := range v.res.modules {
		if err := errors.Join(store.Ended(ctx), v.idle()); err != nil {
			failed = append(failed, err)
			break
		}
		// A go command can have mended it, or begun anew, since Run looked.
		plan := func() (modcache.Mending, error) {
			now := h.look(ctx, v.mods.Stat(f.mod.Version), f.proofs)
			return now.mending(now.judge()), store.Ended(ctx)
		}
		failed = append(failed, stage.Mend(f.mod.Version, plan), stage.Clear())
	}
	return errors.Join(append(failed, stage.Close())...)
}

// fixOutputs removes outputs that still are wrong, and before each the entries that name it.
func (v *verifier) fixOutputs(ctx context.Context) error {
	var failed []error
	for i, b := range v.res.outputs {
		if i%idleEvery == 0 {
			if err := errors.Join(store.Ended(ctx), v.idle()); err != nil {
				return errors.Join(append(failed, err)...)
			}
		}
		if right, err := v.isRight(ctx, b.output); right || err != nil {
			failed = append(failed, err)
			continue
		}
		failed = append(failed, v.build.Remove(b.actions, []digest.ID{b.output.ID}))
	}
	return errors.Join(failed...)
}

// isRight reports whether an output is there and has the bytes that its name says.
func (v *verifier) isRight(ctx context.Context, o buildcache.Output) (bool, error) {
	if !v.build.Has(o) {
		return false, nil
	}
	sum, err := buildcache.HashOutput(ctx, v.build, o, nil)
	return err == nil && sum == o.ID, err
}

// Recheck looks again at what Run found to fail, after Fix and perhaps a restore, and notes what
// has become of it.
func Recheck(ctx context.Context, o Options, res *Result) error {
	v := newVerifier(o, res)
	v.Meter.SetPhase("verify again")
	h := newHasher(v)
	for _, f := range res.modules {
		now := h.look(ctx, v.mods.Stat(f.mod.Version), f.proofs)
		if err := store.Ended(ctx); err != nil {
			return err // it was not read to the end
		}
		v.settleModule(now)
	}
	for _, b := range res.outputs {
		right, err := v.isRight(ctx, b.output)
		switch {
		case ctx.Err() != nil:
			return store.Ended(ctx)
		case right:
			v.settle(Output, b.output.ID.String(), Restored)
		case err == nil && !v.isThere(b.output):
			v.settle(Output, b.output.ID.String(), Removed)
		}
	}
	return nil
}

// settleModule compares the faults of a version with those that it has now. Of what cannot be read
// now, or is being extracted, nothing is known.
func (v *verifier) settleModule(now facts) {
	bad := now.judge().bad
	name := now.mod.Version.String()
	unread := map[Kind]bool{Tree: now.tree.unread || now.mod.Partial && now.mod.HasTree, Zip: now.zip.unread}
	for s, kind := range smallKinds {
		unread[kind] = now.unread[s] != nil
	}
	for kind, here := range map[Kind]bool{
		Tree: now.tree.here, Zip: now.zip.here, ZipHash: now.ziphash != nil, GoMod: now.goMod != nil, Info: now.info != nil,
	} {
		switch {
		case bad[kind] || unread[kind]:
		case here:
			v.settle(kind, name, Restored)
		default:
			v.settle(kind, name, Removed)
		}
	}
}

// settle notes what has become of the faults of an object that failed.
func (v *verifier) settle(k Kind, name, fixed string) {
	for i := range v.res.Faults {
		if f := &v.res.Faults[i]; f.Kind == k && f.Name == name && f.Status == finding.Fail && !f.proof {
			f.Fixed = fixed
		}
	}
}
