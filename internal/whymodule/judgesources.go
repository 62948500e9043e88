package whymodule

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/finding"
)

// judgeProxies has a finding for each proxy.
func judgeProxies(f *Facts) (list finding.Findings) {
	believed, stops := f.believed()
	for i := range f.Proxies {
		p := &f.Proxies[i]
		if !p.IsURL {
			continue
		}
		status, note := judgeProxy(f, i, believed, stops)
		list = append(list, one("proxy", status, "%s: %s%s", p.Name, cmp.Or(p.said(f), "not asked"), note)...)
	}
	return list
}

// judgeProxy says how bad the answer of one proxy is, and why.
func judgeProxy(f *Facts, i, believed int, stops bool) (finding.Status, string) {
	p := &f.Proxies[i]
	r := p.asked(f.Query)
	switch {
	case believed >= 0 && i > believed:
		if f.Proxies[believed].IsURL {
			return finding.OK, "\nthe go command does not come to it: one before it answers"
		}
		return finding.OK, ""
	case f.OtherLogin && r.denied():
		return finding.OK, "\nunknown: it was asked without credentials, and GOAUTH gives them to the go command alone"
	case i == believed && stops:
		return unsettled(f, r.denied()), "\nthe go command stops here: it goes on after 404 and 410 only, unless a | follows in GOPROXY"
	case i == believed && !f.serves(p) && f.published(f.Goal):
		return unsettled(f, false), "\nthe repository has " + f.Goal + ", and this answer is older" + oldText(r)
	case i == believed && r.Stale:
		return finding.Warn, "\nit cannot ask anybody itself, and says what it knew last"
	case r.Absent() && believed < 0 && i == len(f.Proxies)-1 && (f.published(f.Goal) || isRevision(f.Query)):
		return unsettled(f, false), "\nnobody in GOPROXY has it, and the repository is not asked"
	case !r.OK() && !r.Absent():
		return finding.Warn, "\nthe go command goes on to the next"
	}
	return finding.OK, ""
}

// unsettled is how bad it is that a version cannot be had: less so where the project has it. In any
// case, if other versions cannot be had either.
func unsettled(f *Facts, others bool) finding.Status {
	if f.settled() && !others {
		return finding.Warn
	}
	return finding.Fail
}

func oldText(r Reply) string {
	if r.Age < 0 {
		return ""
	}
	return ": " + ago(r.Age)
}

// said is what a proxy answered, in a line for each question.
func (p *Proxy) said(f *Facts) string {
	var lines []string
	add := func(what string, r Reply, value string) {
		if !r.Asked() {
			return
		}
		if !r.OK() {
			value = strings.TrimSpace(statusText(r) + " " + r.Error)
		}
		lines = append(lines, what+": "+value+times(r))
	}
	add("list", p.List, versionsText(p.List.Versions))
	if len(p.List.Versions) == 0 { // or nobody asks for it
		add("latest", p.Latest, p.Latest.Version)
	}
	add(f.Query, p.Query, p.Query.Version)
	add(f.Goal, p.Goal, "it has it, although its list does not")
	return strings.Join(lines, "\n")
}

// versionsText says how many versions there are.
func versionsText(list []string) string {
	switch len(list) {
	case 0:
		return "no versions"
	case 1:
		return "1 version, " + list[0]
	}
	return fmt.Sprintf("%d versions, the newest %s", len(list), highest(list))
}

func statusText(r Reply) string {
	if r.Status == 0 || r.Status == 200 {
		return ""
	}
	return fmt.Sprint(r.Status)
}

// times says how long an answer took and how old it is.
func times(r Reply) string {
	text := fmt.Sprintf(" (%d ms", r.Took.Milliseconds())
	if r.Age >= 0 {
		text += ", " + ago(r.Age) + " old"
	}
	if r.MaxAge > 0 && r.MaxAge <= 24*time.Hour {
		text += ", may be kept for " + ago(r.MaxAge)
	}
	return text + ")"
}

func judgeRepository(f *Facts) finding.Findings {
	r := &f.Repository
	needed := f.needsRepository()
	bad := finding.OK
	if needed {
		bad = finding.Fail
	}
	switch {
	case r.NotAsked == "--no-vcs" || r.NotAsked == "GOPROXY=off" || f.Local != "":
		return one("repository", finding.OK, "it was not asked: %s", r.NotAsked)
	case r.NotAsked != "":
		return one("repository", bad, "it may not be asked: %s", r.NotAsked)
	case r.Error != "" && len(r.Tags) == 0:
		return one("repository", bad, "it could not be asked: %s", r.Error)
	}
	text := cmp.Or(r.URL, "the repository")
	if r.Subdir != "" {
		text += ", directory " + r.Subdir
	}
	text += ": " + versionsText(r.Versions)
	status := finding.OK
	switch {
	case r.Error != "":
		text += "\nlatest: " + r.Error
	case r.TagsError != "":
		text += "\ngit does not list its tags: " + r.TagsError
	}
	switch {
	case r.Query != "":
		text += "\n" + f.Query + " is there"
		if r.Query != f.Query {
			text += ": " + r.Query
		}
	case r.QueryErr != "":
		status = finding.Fail
		text += "\n" + f.Query + ": " + r.QueryErr
	}
	return one("repository", status, "%s", text)
}

// needsRepository reports whether the go command asks the repository, as nobody before it answers.
func (f *Facts) needsRepository() bool {
	i, _ := f.believed()
	return i >= 0 && f.Proxies[i].Name == "direct"
}

// shownTags is how many tags that are no versions people get to see.
const shownTags = 3

func judgeTags(f *Facts) (list finding.Findings) {
	if mayBePackage(f) {
		return nil
	}
	for i, n := range f.near() {
		if i == shownTags {
			break
		}
		status, text := finding.Warn, n.Why
		switch {
		case isRevision(f.Query):
			status = finding.Fail
		case n.Path != "" && f.Repository.OtherError == "":
			status = finding.OK
		}
		if n.Path != "" && f.Repository.OtherError != "" {
			text += ", and it is none of that either: " + f.Repository.OtherError
		}
		list = append(list, one("tags", status, "the tag %s is no version of this module: %s", n.Tag, text)...)
	}
	return list
}
