package ghaction

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/sethvargo/go-githubactions"
)

// annotations collects warnings, so that a job shows one annotation for each kind of problem and
// not one for each file: GitHub shows at most ten for a step. All warnings are in the log.
type annotations struct {
	kinds []trouble
	texts map[string]bool
	said  []string // kinds that were issued, also by an earlier phase
}

// A trouble stands for all warnings of one kind.
type trouble struct {
	kind, first, hint string
	more              int
}

// varying matches what differs between messages of one kind: words that contain a path, a version,
// a hash or a number, and quoted words.
var varying = regexp.MustCompile(`"[^"]*"|[^\s:,;()]*[0-9/\\@][^\s,;()]*`)

// add takes a warning. A text that was added before is ignored.
func (n *annotations) add(text, hint string) {
	if n.texts[text] {
		return
	}
	if n.texts == nil {
		n.texts = map[string]bool{}
	}
	n.texts[text] = true
	// what is to be done tells kinds apart best
	kind := cmp.Or(hint, varying.ReplaceAllString(text, "*"))
	if slices.Contains(n.said, kind) {
		return
	}
	i := slices.IndexFunc(n.kinds, func(t trouble) bool { return t.kind == kind })
	if i >= 0 {
		n.kinds[i].more++
		return
	}
	n.kinds = append(n.kinds, trouble{kind: kind, first: text, hint: hint})
}

// issue writes the annotations.
func (n *annotations) issue(gh *githubactions.Action) {
	gh = gh.WithFieldsMap(map[string]string{"title": "gocache"})
	for _, t := range n.kinds {
		text := t.first
		if t.more > 0 {
			text += fmt.Sprintf(" (and %d more like this: see the log)", t.more)
		}
		if t.hint != "" {
			text += "\nhint: " + t.hint
		}
		gh.Warningf("%s", strings.TrimSpace(text))
		n.said = append(n.said, t.kind)
	}
	n.kinds = nil
}
