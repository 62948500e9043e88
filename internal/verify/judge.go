package verify

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/org/gocache-action/internal/finding"
	"github.com/org/gocache-action/internal/modcache"
)

// hashed is what hashing a tree or a zip came to. The zero value is one that is not there.
type hashed struct {
	here  bool
	sum   string
	bytes int64
	err   error // why there is no sum
	// unread means that err is about reading, so that nothing is known of the content.
	unread bool
	detail string // which files differ, as far as that is known
}

// facts are what was found of a module version, and all that is needed to judge it.
type facts struct {
	mod       modcache.Module
	proofs    proofs
	tree, zip hashed
	// The small files; nil: not there.
	ziphash, goMod, info []byte
	// unread says of those that are there why their content is not known.
	unread map[modcache.Small]error
	// treeMod is the go.mod of the tree; nil: it has none.
	treeMod []byte
}

// verdict is what facts mean.
type verdict struct {
	faults []Fault
	// states of the kinds that are there and right
	tree, zip, goMod state
	ref              reference
	bad              map[Kind]bool // those with a fault that fails
}

type state int

const (
	nothing state = iota // not there, or wrong
	unread               // nothing is known of its content
	proved
	consistent
	unproved
)

// reference is the hash that tree, zip and .ziphash are compared with; "": all that is there
// contradicts each other.
type reference struct {
	sum, by string
	state   state
}

// reference is what proves the version, else what at least two of tree, zip and .ziphash say, else
// the only one that is there.
func (f *facts) reference() reference {
	if f.proofs.tree.sum != "" {
		return reference{f.proofs.tree.sum, f.proofs.tree.by, proved}
	}
	said := []string{}
	for _, h := range []hashed{f.tree, f.zip} {
		if h.here && h.err == nil {
			said = append(said, h.sum)
		}
	}
	if sum := f.recorded(); sum != "" {
		said = append(said, sum)
	}
	for i, s := range said {
		for _, other := range said[i+1:] {
			if s == other {
				return reference{s, "what lies beside it", consistent}
			}
		}
	}
	if len(said) == 1 {
		return reference{said[0], "", unproved}
	}
	return reference{by: "what lies beside it", state: unproved}
}

// recorded is the hash in .ziphash; "" if there is none that is valid.
func (f *facts) recorded() string {
	if modcache.CheckSmall(f.mod.Version, modcache.ZipHash, f.ziphash) != nil {
		return ""
	}
	return string(bytes.TrimSpace(f.ziphash))
}

// judge is pure.
func (f *facts) judge() verdict {
	v := verdict{ref: f.reference(), bad: map[Kind]bool{}}
	name := f.mod.Version.String()
	fault := func(k Kind, s finding.Status, format string, args ...any) {
		v.faults = append(v.faults, Fault{Kind: k, Name: name, Status: s, Evidence: fmt.Sprintf(format, args...)})
		if s == finding.Fail {
			v.bad[k] = true
		}
	}
	v.tree = f.judgeHashed(Tree, f.tree, v.ref, fault)
	v.zip = f.judgeHashed(Zip, f.zip, v.ref, fault)
	f.judgeZipHash(v.ref, fault)
	v.goMod = f.judgeMod(fault)
	if f.info != nil {
		if err := modcache.CheckSmall(f.mod.Version, modcache.Info, f.info); err != nil {
			fault(Info, finding.Fail, "%v", err)
		}
	}
	f.judgeUnread(fault)
	return v
}

// smallKinds are the kinds of small files.
var smallKinds = map[modcache.Small]Kind{modcache.ZipHash: ZipHash, modcache.GoMod: GoMod, modcache.Info: Info}

// has reports whether a small file is there.
func (f *facts) has(s modcache.Small) bool {
	data := map[modcache.Small][]byte{modcache.ZipHash: f.ziphash, modcache.GoMod: f.goMod, modcache.Info: f.info}
	return data[s] != nil || f.unread[s] != nil
}

// unreadable reports whether a small file is there, and nothing is known of its content.
func (f *facts) unreadable(s modcache.Small) bool {
	return f.unread[s] != nil && !errors.Is(f.unread[s], modcache.ErrTooLarge)
}

// judgeUnread judges small files of which the content is not known.
func (f *facts) judgeUnread(fault faultFunc) {
	for _, s := range []modcache.Small{modcache.ZipHash, modcache.GoMod, modcache.Info} {
		switch err := f.unread[s]; {
		case errors.Is(err, modcache.ErrTooLarge):
			fault(smallKinds[s], finding.Fail, "%v", err)
		case err != nil:
			fault(smallKinds[s], finding.Warn, "cannot be read: %v", err)
		}
	}
}

type faultFunc func(k Kind, s finding.Status, format string, args ...any)

// judgeHashed judges a tree or a zip.
func (f *facts) judgeHashed(k Kind, h hashed, ref reference, fault faultFunc) state {
	switch {
	case !h.here:
		return nothing
	case h.unread:
		fault(k, finding.Warn, "cannot be read: %v", h.err)
		return unread
	case h.err != nil:
		fault(k, finding.Fail, "%v", h.err)
		return nothing
	case h.sum == ref.sum:
		return ref.state
	}
	evidence := fmt.Sprintf("its hash is %s, %s has %s", h.sum, ref.by, ref.sum)
	if ref.sum == "" {
		evidence = fmt.Sprintf("its hash is %s; %s has another, and nothing proves either", h.sum, ref.by)
	}
	if h.detail != "" {
		evidence += "; " + h.detail
	}
	fault(k, finding.Fail, "%s", evidence)
	return nothing
}

// judgeZipHash judges .ziphash, and its absence: without it, the go command passes over a tree.
func (f *facts) judgeZipHash(ref reference, fault faultFunc) {
	switch sum := f.recorded(); {
	case f.mod.Partial && f.mod.HasTree:
		fault(Tree, finding.Warn, "it is being extracted, or that was interrupted: the go command extracts it again")
	case f.unread[modcache.ZipHash] != nil:
	case f.ziphash == nil && (f.mod.HasTree || f.mod.HasZip):
		fault(ZipHash, finding.Warn, "it is missing: the go command does not use the tree")
	case f.ziphash == nil:
	case sum == "" && ref.state == unproved && (f.tree.here || f.zip.here):
		fault(ZipHash, finding.Fail, "it has no hash, and nothing proves what lies beside it, which --fix removes, too")
	case sum == "":
		fault(ZipHash, finding.Fail, "it has no hash")
	case ref.sum == "":
		fault(ZipHash, finding.Fail, "it has %s; %s has another, and nothing proves either", sum, ref.by)
	case sum != ref.sum:
		fault(ZipHash, finding.Fail, "it has %s, %s has %s", sum, ref.by, ref.sum)
	}
}

// judgeMod judges .mod. What nothing proves is compared with the go.mod of the tree.
func (f *facts) judgeMod(fault faultFunc) state {
	want := f.proofs.mod
	switch {
	case f.unreadable(modcache.GoMod):
		return unread
	case f.unread[modcache.GoMod] != nil:
		return nothing
	}
	if f.goMod == nil {
		if f.mod.HasTree && f.mod.Version.Path != modcache.Toolchain {
			fault(GoMod, finding.Warn, "it is missing: the go command has to fetch it")
		}
		return nothing
	}
	sum := modcache.GoModSum(f.goMod)
	switch err := modcache.CheckSmall(f.mod.Version, modcache.GoMod, f.goMod); {
	case want.sum == sum:
		return proved
	case want.sum != "":
		fault(GoMod, finding.Fail, "its hash is %s, %s has %s", sum, want.by, want.sum)
	case err != nil:
		fault(GoMod, finding.Fail, "%v", err)
	case f.treeMod == nil:
		return unproved
	case bytes.Equal(f.treeMod, f.goMod):
		return consistent
	default:
		fault(GoMod, finding.Warn, "it is not the go.mod of the tree, and nothing proves either")
	}
	return nothing
}

// unproved says what nothing vouches for, and why; "" if something does.
func (f *facts) unproved(v verdict) string {
	switch {
	case v.tree > proved || v.zip > proved:
		return f.proofs.tree.why
	case v.goMod > proved:
		return f.proofs.mod.why
	}
	return ""
}

// vouched reports whether something that stays, if it does, is what it should be by more than its
// own word.
func vouched(stays bool, s state) bool { return !stays || s == proved || s == consistent }

// mending is what makes of a version with these facts one that the go command can use, or fetches
// anew. It is pure.
func (f *facts) mending(v verdict) modcache.Mending {
	m := modcache.Mending{Tree: v.bad[Tree], Zip: v.bad[Zip], Info: v.bad[Info], GoMod: v.bad[GoMod]}
	treeStays := f.tree.here && !m.Tree
	zipStays := f.zip.here && !m.Zip
	switch {
	case !treeStays && !zipStays:
		m.ZipHash = f.has(modcache.ZipHash) && (m.Tree || m.Zip || v.bad[ZipHash])
	case !v.bad[ZipHash]:
	case vouched(treeStays, v.tree) && vouched(zipStays, v.zip):
		m.Sum = v.ref.sum
	default:
		// The go command would take a new one for a proof. What cannot be read stays: without a
		// .ziphash it is fetched, or extracted, again.
		m.ZipHash = true
		m.Tree, m.Zip = m.Tree || v.tree == unproved, m.Zip || v.zip == unproved
	}
	if want := f.proofs.mod.sum; m.GoMod && v.tree == proved && f.treeMod != nil && modcache.GoModSum(f.treeMod) == want {
		m.Mod, m.GoMod = f.treeMod, false
	}
	return m
}
