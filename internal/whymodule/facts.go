package whymodule

import (
	"encoding/json"
	"fmt"
	"time"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// Facts are all that is known, without a judgement. Texts have no secrets.
type Facts struct {
	Target
	Settings   Settings `json:"settings"`
	Route      Route    `json:"route"`
	Local      string   `json:"local,omitempty"`   // why nobody else is asked; "": others are
	OtherLogin bool     `json:"goauth,omitempty"`  // GOAUTH gives some, unused here
	Project    *Project `json:"project,omitempty"` // nil: there is no go.mod
	// NoModules: the go command is in GOPATH mode and reads no go.mod; Project is nil then.
	NoModules  bool           `json:"noModules,omitempty"`
	Cached     []Cached       `json:"cached,omitempty"`  // the lowest version first
	Proxies    []Proxy        `json:"proxies,omitempty"` // in the order of GOPROXY, up to direct or off
	Repository Repository     `json:"repository"`
	Sums       map[string]Sum `json:"sums,omitempty"`  // by version
	Newest     modInfo        `json:"newest,omitzero"` // what the go.mod of the newest version says
	Goal       string         `json:"goal,omitempty"`  // the version that the query means; "": none has been found
	Now        time.Time      `json:"now"`
}

// A Project is what go.mod and go.work say of the module, and what the go command makes of it.
type Project struct {
	GoMod      string            `json:"goMod"`
	GoWork     string            `json:"goWork,omitempty"`
	Dir        string            `json:"dir,omitempty"`      // the module is a main module, in this directory
	Use        string            `json:"use,omitempty"`      // that directory, as go.work names it
	Selected   string            `json:"selected,omitempty"` // "": nothing needs the module
	Contains   string            `json:"contains,omitempty"` // a module whose path the name begins with
	Direct     bool              `json:"direct,omitempty"`   // go.mod requires it, and not as indirect
	Required   bool              `json:"required,omitempty"` // go.mod requires it
	Replaces   []Directive       `json:"replaces,omitempty"`
	Excludes   []Directive       `json:"excludes,omitempty"`
	Demands    []Demand          `json:"demands,omitempty"` // the highest version first
	Why        []string          `json:"why,omitempty"`     // packages, from the project to the module
	Vendored   string            `json:"vendored,omitempty"`
	IsVendor   bool              `json:"isVendor,omitempty"` // builds read the vendor directory
	Sums       map[string]string `json:"goSum,omitempty"`    // h1 by version
	GraphError string            `json:"graphError,omitempty"`
}

// A Directive is a line of go.mod or go.work.
type Directive struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Version string `json:"version,omitempty"` // of the module; "": all
	By      string `json:"by,omitempty"`      // what it is replaced by
	Dir     bool   `json:"dir,omitempty"`     // which is a directory
}

// A Demand is a requirement of a module graph.
type Demand struct {
	Version string   `json:"version"`
	Chain   []string `json:"chain"` // from a main module to the module that demands it
}

// By is who demands it.
func (d Demand) By() string { return d.Chain[len(d.Chain)-1] }

// Cached is a version in the module cache.
type Cached struct {
	Version string    `json:"version"`
	Time    time.Time `json:"time,omitzero"`    // of the commit
	Fetched time.Time `json:"fetched,omitzero"` // when its .info was written
	Tree    bool      `json:"tree,omitempty"`
	Hash    string    `json:"hash,omitempty"` // what .ziphash has
	Commit  string    `json:"commit,omitempty"`
	Locked  bool      `json:"locked,omitempty"` // by a go command
	Removal string    `json:"-"`                // the command that removes all of it
}

// A Proxy is an element of GOPROXY and what it says.
type Proxy struct {
	Name     string `json:"name"`
	FallBack bool   `json:"fallBack,omitempty"` // the next is asked after any error
	IsURL    bool   `json:"-"`
	Gocache  bool   `json:"gocache,omitempty"` // `gocache proxy` serves there
	List     Reply  `json:"list,omitzero"`
	Latest   Reply  `json:"latest,omitzero"`
	Query    Reply  `json:"queried,omitzero"` // .info of the query, if it has one
	Goal     Reply  `json:"goal,omitzero"`    // .info of the version that the query means, if the list lacks it
}

// A Reply is an answer of a proxy.
type Reply struct {
	Status   int           `json:"status,omitempty"`   // 0: not asked, or no answer
	Error    string        `json:"error,omitempty"`    // what it said, or why there is no answer
	Versions []string      `json:"versions,omitempty"` // of list
	Version  string        `json:"version,omitempty"`  // of .info
	Commit   string        `json:"commit,omitempty"`
	Took     time.Duration `json:"-"`
	Age      time.Duration `json:"-"`               // negative: it does not say
	MaxAge   time.Duration `json:"-"`               // how long it may be kept; 0: it does not say
	Stale    bool          `json:"stale,omitempty"` // it says that it may be out of date
	data     []byte
}

// MarshalJSON writes times as seconds.
func (r Reply) MarshalJSON() ([]byte, error) {
	type plain Reply
	out := struct {
		plain
		Took   float64  `json:"seconds"`
		Age    *float64 `json:"ageSeconds,omitempty"`
		MaxAge float64  `json:"maxAgeSeconds,omitempty"`
	}{plain: plain(r), Took: r.Took.Seconds(), MaxAge: r.MaxAge.Seconds()}
	if age := r.Age.Seconds(); age >= 0 {
		out.Age = &age
	}
	return json.Marshal(out)
}

// Asked reports whether it was asked at all.
func (r Reply) Asked() bool { return r.Status != 0 || r.Error != "" }

// OK reports whether there is an answer.
func (r Reply) OK() bool { return r.Status == 200 && r.Error == "" }

// denied reports whether the answer is that credentials are needed.
func (r Reply) denied() bool { return r.Status == 401 || r.Status == 403 }

// strange reports whether there is an answer that no module proxy gives, as of a page for people.
func (r Reply) strange() bool { return r.Status == 200 && r.Error != "" }

// trouble says what is wrong with an answer.
func (r Reply) trouble() string {
	switch {
	case r.strange():
		return "answers as no module proxy does"
	case r.Status != 0:
		return fmt.Sprintf("answers %d", r.Status)
	}
	return "does not answer"
}

// Absent reports whether the answer is that it does not exist.
func (r Reply) Absent() bool { return r.Status == 404 || r.Status == 410 }

// A Repository is what the go command and git see there.
type Repository struct {
	NotAsked  string   `json:"notAsked,omitempty"` // why
	Error     string   `json:"error,omitempty"`    // of the question for versions
	URL       string   `json:"url,omitempty"`
	Subdir    string   `json:"subdir,omitempty"`
	Versions  []string `json:"versions,omitempty"` // retracted ones included, the lowest first
	Tags      []Tag    `json:"tags,omitempty"`
	TagsError string   `json:"tagsError,omitempty"`
	Query     string   `json:"queryVersion,omitempty"` // what a version, branch or commit means there
	QueryErr  string   `json:"queryError,omitempty"`
	// OtherError is why the highest tag of another major version is none of the module of that.
	OtherError string            `json:"otherError,omitempty"`
	Hashes     map[string]string `json:"hashes,omitempty"` // h1 by version, of those that were compared
}

// A Tag of a repository.
type Tag struct {
	Name   string `json:"name"`
	Commit string `json:"commit"`
}

// A Sum is what the checksum database says of a version.
type Sum struct {
	Hash    string `json:"hash,omitempty"`
	Unknown bool   `json:"unknown,omitempty"` // it says that it does not know the version
	Error   string `json:"error,omitempty"`
}

// modInfo is what the go.mod of the newest version says of all versions.
type modInfo struct {
	Retract    []Retraction `json:"retract,omitempty"`
	Deprecated string       `json:"deprecated,omitempty"`
}

// A Retraction withdraws versions.
type Retraction struct {
	Low    string `json:"low"`
	High   string `json:"high"`
	Reason string `json:"reason,omitempty"`
}

func readMod(data []byte) (info modInfo) {
	f, err := modfile.ParseLax("go.mod", data, nil)
	if err != nil || f.Module == nil {
		return info
	}
	info.Deprecated = f.Module.Deprecated
	for _, r := range f.Retract {
		info.Retract = append(info.Retract, Retraction{r.Low, r.High, r.Rationale})
	}
	return info
}

// retracted returns what withdraws a version; nil if nothing does.
func (m modInfo) retracted(version string) *Retraction {
	for i, r := range m.Retract {
		if semver.Compare(r.Low, version) <= 0 && semver.Compare(version, r.High) <= 0 {
			return &m.Retract[i]
		}
	}
	return nil
}
