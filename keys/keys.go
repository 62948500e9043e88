// Package keys turns the module files of a project (go.mod, go.sum, go.work,
// go.work.sum) into the key of its snapshot, the explanation of that key, and the
// checksums that a restore trusts.
//
// Derive is pure: files in, value out. Collect finds the files on disk and is the only
// part that reads anything.
package keys

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/module"
)

// A File is one module file. Its extension says what it is: .mod, .sum or .work. The name can be
// any, since -modfile and GOWORK can name any file.
type File struct {
	// Path is a slash path relative to the project directory. It starts with "../" for
	// members of a workspace and replacements that lie outside.
	Path string
	Data []byte
	// Vendored means that the module of this file is built from its vendor directory, so that
	// nothing is fetched because of its checksums.
	Vendored bool
	// Nested means that no other module refers to the module of this file. Where its checksums
	// contradict those of others, theirs are used.
	Nested bool
}

// An Input is all that a key depends on.
type Input struct {
	Name      string // what is being built, the job by default
	OS, Arch  string // see Env for what they say when cross-compiling
	GoVersion string // as `go env GOVERSION`, such as "go1.26.8"
	Files     []File // in any order
	// Select are the patterns of the files that the digest is made of, as --go-sum has them; none:
	// those that say what is built, see counted. All files are parsed, and their checksums hold, in
	// any case.
	Select []string
	// Extra are values that separate build caches beyond all this, such as the name of an image; a
	// set. Modules need none of them: go.sum names what they are.
	Extra []string
	// Vendor means that every module with dependencies is vendored, so that the module cache is
	// neither saved nor restored.
	Vendor bool
	// Notes tell people what was left out, such as a nested module whose go.mod does not parse.
	// They are not part of the key.
	Notes []string
}

// A Key names a snapshot within a scope. The elements are kept apart because each is escaped
// separately: two keys never have the same name, whatever users put into them.
type Key struct {
	Name   string `json:"name"`
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Go     string `json:"go"`
	Extra  string `json:"extra,omitempty"` // stands for Input.Extra; "": none
	Digest string `json:"digest"`          // SHA-256 in lower-case hex
}

// latest takes the place of the digest in the key of the newest snapshot of a name. It cannot be a
// digest, which has 64 characters.
const latest = "latest"

// Exact returns the elements of the key of exactly these module files.
func (k Key) Exact() []string { return append(k.Family(), k.Digest) }

// Latest returns the elements of the key that every save of this name overwrites,
// whatever its module files.
func (k Key) Latest() []string { return append(k.Family(), latest) }

// Family returns the elements that both have.
func (k Key) Family() []string {
	list := []string{k.Name, k.OS, k.Arch, k.Go}
	if k.Extra != "" {
		list = append(list, k.Extra)
	}
	return list
}

// String shows the key to people, with a shortened digest. It is not unique.
func (k Key) String() string {
	digest := k.Digest
	if len(digest) > 16 {
		digest = digest[:16]
	}
	return strings.Join(append(k.Family(), digest), "/")
}

// An Ingredient explains one part of a key.
type Ingredient struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Source string `json:"source"` // where it comes from, for people
}

// Sums are the checksums of all go.sum and go.work.sum files together.
type Sums struct {
	Zip map[module.Version]string // h1 of module trees, as in dirhash.HashZip
	Mod map[module.Version]string // h1 of go.mod files: the "/go.mod" lines
}

// A Plan is what Derive makes of an Input.
type Plan struct {
	Key         Key
	Ingredients []Ingredient
	Sums        Sums
	// Selected are the versions that the files named by Input.Select have checksums of; nil without
	// it. Checksums in other files are used to verify, but nothing is fetched because of them.
	Selected  map[module.Version]bool
	Vendor    bool // modules are neither saved nor restored
	NoModules bool // there is no go.mod at all
	Notes     []string
}

// Derive computes the key of a project. A defect in a file costs only what is defective, and gets a
// note: a go.mod or go.work that does not parse, a line of a go.sum that is malformed or
// contradicts another. It is an error if the patterns match nothing, if a file is given twice, or
// if one is not a module file.
func Derive(in Input) (Plan, error) {
	files, err := sorted(in.Files)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{
		Vendor:    in.Vendor,
		NoModules: !slices.ContainsFunc(files, isModule),
	}
	var notes []string
	if p.Sums, notes, err = check(files); err != nil {
		return Plan{}, err
	}
	p.Notes = slices.Concat(in.Notes, notes)
	counted := counted(files)
	if len(in.Select) > 0 {
		if counted, err = p.choose(files, in.Select); err != nil {
			return Plan{}, err
		}
	}
	if in.Extra, err = extraSet(in.Extra); err != nil {
		return Plan{}, err
	}
	p.Key = Key{
		Name: in.Name, OS: in.OS, Arch: in.Arch, Go: in.GoVersion, Extra: extraElement(in.Extra), Digest: digest(counted, in.Vendor),
	}
	p.Ingredients = explain(p.Key, in, counted)
	return p, nil
}

// sorted returns the files by path, with line ends as on Unix: git may check the
// same file out with CRLF on one runner and with LF on the next.
func sorted(files []File) ([]File, error) {
	out := slices.Clone(files)
	slices.SortFunc(out, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := range out {
		if i > 0 && out[i].Path == out[i-1].Path {
			return nil, fmt.Errorf("module file %s is given twice", out[i].Path)
		}
		out[i].Data = unixLines(out[i].Data)
	}
	return out, nil
}

// check parses every file and merges the checksums. Notes say what was left out.
func check(files []File) (sums Sums, notes []string, err error) {
	table := newSumTable()
	for _, f := range mainFirst(files) {
		switch path.Ext(f.Path) {
		case ".mod":
			_, err = ParseMod(f)
		case ".work":
			_, err = ParseWork(f)
		case ".sum":
			notes = append(notes, table.add(f)...)
		default:
			return Sums{}, nil, fmt.Errorf("%s is not a module file", f.Path)
		}
		if err != nil {
			notes = append(notes, err.Error())
		}
		err = nil
	}
	return table.Sums, notes, nil
}

// mainFirst puts the files of nested modules last, since the first of several contradicting
// checksums is used.
func mainFirst(files []File) []File {
	files = slices.Clone(files)
	slices.SortStableFunc(files, func(a, b File) int {
		switch {
		case a.Nested == b.Nested:
			return 0
		case a.Nested:
			return 1
		}
		return -1
	})
	return files
}

// counted returns the files whose content is part of the digest. A go.sum says
// precisely what is built; the go.mod beside it says less and changes for reasons that
// leave the caches as useful as before, so it counts only where there is no go.sum.
func counted(files []File) []File {
	sum := make(map[string]bool)
	for _, f := range files {
		if stem, ok := strings.CutSuffix(f.Path, ".sum"); ok {
			sum[stem] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		return isModule(f) && sum[strings.TrimSuffix(f.Path, ".mod")]
	})
}

func isModule(f File) bool { return path.Ext(f.Path) == ".mod" }

// explain lists the ingredients in the order of the key's elements.
func explain(k Key, in Input, counted []File) []Ingredient {
	list := []Ingredient{
		{"name", k.Name, "--name, or the job"},
		{"os", k.OS, "go env GOOS, GOHOSTOS"},
		{"arch", k.Arch, "go env GOARCH, GOHOSTARCH"},
		{"go", k.Go, "go env GOVERSION, and the toolchain that go.mod or go.work selects"},
	}
	for _, value := range in.Extra {
		list = append(list, Ingredient{"key-extra", value, "--key-extra: part of the key of the build cache"})
	}
	list = append(list, Ingredient{"vendor", strconv.FormatBool(in.Vendor), "vendor/modules.txt, GOFLAGS"})
	for _, f := range counted {
		list = append(list, Ingredient{f.Path, "sha256:" + sumHex(f.Data)[:16], reason(f, len(in.Select) > 0)})
	}
	return append(list, Ingredient{"digest", k.Digest, "SHA-256 over vendor and the files above"})
}

// reason says why a file counts.
func reason(f File, chosen bool) string {
	lines := fmt.Sprintf("%d lines", strings.Count(string(f.Data), "\n"))
	switch ext := path.Ext(f.Path); {
	case chosen:
		return lines + ", named by --go-sum"
	case ext == ".mod":
		return lines + ", no go.sum beside it"
	case ext == ".work", strings.HasSuffix(f.Path, ".work.sum"):
		return lines + ", workspace"
	case f.Vendored:
		return lines + ", module is vendored"
	}
	return lines
}
