package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/keys"
)

// A Value reads and shows one setting. It has the methods of a pflag.Value, so that the same code
// reads flags, variables and inputs.
type Value interface {
	Set(text string) error
	String() string
	Type() string
}

// textValue takes any text.
type textValue struct {
	to   *string
	kind string // what the help calls it; "" is string
}

func (v textValue) Set(text string) error { *v.to = text; return nil }
func (v textValue) String() string        { return *v.to }
func (v textValue) Type() string {
	if v.kind != "" {
		return v.kind
	}
	return "string"
}

// boolValue is a switch.
type boolValue struct{ to *bool }

func (v boolValue) Type() string   { return "bool" }
func (v boolValue) String() string { return strconv.FormatBool(*v.to) }

func (v boolValue) Set(text string) error {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return errors.New("want true or false")
	}
	*v.to = on
	return nil
}

// durationValue also takes days and weeks: 14d, 1d12h, 2w.
type durationValue struct{ to *time.Duration }

func (v durationValue) Type() string   { return "duration" }
func (v durationValue) String() string { return quantity.Duration(*v.to) }

func (v durationValue) Set(text string) error {
	d, err := quantity.ParseDuration(text)
	if err != nil {
		return err
	}
	*v.to = d
	return nil
}

// Sizes bounds what is kept, in bytes on disk; 0 is no bound.
type Sizes struct{ All, Modules, Build int64 }

// Any reports whether there is a bound.
func (s Sizes) Any() bool { return s.All+s.Modules+s.Build > 0 }

// sizesValue is a list of sizes, each of which may be for one cache only: 4GiB,build=2GiB.
type sizesValue struct{ to *Sizes }

func (v sizesValue) Type() string { return "sizes" }

func (v sizesValue) String() string { return showSizes(v.parts()) }

// showSizes leaves out the space of humanize, so that what it returns can be given again.
func showSizes(parts []sizesPart) string {
	var list []string
	for _, part := range parts {
		if *part.to != 0 {
			list = append(list, part.prefix+strings.ReplaceAll(quantity.Bytes(*part.to), " ", ""))
		}
	}
	if list == nil {
		return "0"
	}
	return strings.Join(list, ",")
}

func (v sizesValue) Set(text string) error {
	sizes := *v.to
	if err := setSizes(sizesValue{&sizes}.parts(), text, "4GiB or 4GiB,build=2GiB"); err != nil {
		return err
	}
	*v.to = sizes
	return nil
}

// sizesPart is one bound. The one without a prefix is the last, as it matches everything.
type sizesPart struct {
	prefix string
	to     *int64
}

func (v sizesValue) parts() []sizesPart {
	return []sizesPart{{"modules=", &v.to.Modules}, {"build=", &v.to.Build}, {"", &v.to.All}}
}

// countValue counts something: decimal digits, nothing else.
type countValue struct{ to *int }

// maxCount is more than any server or machine wants of anything at once.
const maxCount = 1024

func (v countValue) Type() string   { return "int" }
func (v countValue) String() string { return strconv.Itoa(*v.to) }

func (v countValue) Set(text string) error {
	n, err := quantity.ParseCount(text, maxCount)
	if err != nil {
		return err
	}
	*v.to = n
	return nil
}

// choiceValue is one of a few words.
type choiceValue struct {
	to      *string
	allowed []string
	aliases map[string]string // other spellings that are understood
}

func (v choiceValue) Type() string   { return strings.Join(v.allowed, "|") }
func (v choiceValue) String() string { return *v.to }

func (v choiceValue) Set(text string) error {
	if same, ok := v.aliases[text]; ok {
		text = same
	}
	if !slices.Contains(v.allowed, text) {
		return fmt.Errorf("must be %s", strings.Join(v.allowed, " or "))
	}
	*v.to = text
	return nil
}

// listValue is a list that can be given more than once, and have several items with commas or line
// ends between them, as in the inputs of CI systems. Each Set adds.
type listValue struct {
	to    *[]string
	kind  string
	clean func(string) (string, error) // of an item; nil: as it is
}

func (v listValue) Type() string   { return v.kind }
func (v listValue) String() string { return strings.Join(*v.to, ",") }

func (v listValue) Set(text string) error {
	for _, item := range splitList(text) {
		if v.clean != nil {
			var err error
			if item, err = v.clean(item); err != nil {
				return err
			}
		}
		*v.to = append(*v.to, item)
	}
	return nil
}

// splitList cuts a list at line ends and at commas that are not within braces, and drops what is
// empty.
func splitList(s string) (list []string) {
	depth := 0
	items := strings.FieldsFunc(s, func(c rune) bool {
		switch c {
		case '{':
			depth++
		case '}':
			depth = max(0, depth-1)
		}
		return c == '\n' || c == '\r' || c == ',' && depth == 0
	})
	for _, item := range items {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

// textsValue is a list of which each Set adds a text as it is.
type textsValue struct {
	to   *[]string
	kind string
}

func (v textsValue) Type() string   { return v.kind }
func (v textsValue) String() string { return strings.Join(*v.to, ",") }

func (v textsValue) Set(text string) error { *v.to = append(*v.to, text); return nil }

// extrasValue is a list of any values, one a line in the inputs of CI systems. Commas are part of
// them.
type extrasValue struct{ to *[]string }

func (v extrasValue) Type() string   { return "value" }
func (v extrasValue) String() string { return strings.Join(*v.to, ",") }

func (v extrasValue) Set(text string) error {
	for _, line := range strings.Split(strings.TrimSpace(text), "\n") {
		if strings.TrimSpace(line) == "" && strings.TrimSpace(text) != "" {
			continue
		}
		value, err := keys.CleanExtra(line)
		if err != nil {
			return err
		}
		*v.to = append(*v.to, value)
	}
	return nil
}

func patternsValue(to *[]string) Value { return listValue{to, "patterns", keys.CleanPattern} }

// SizesText shows bounds such that they can be given again; "0" without one.
func SizesText(s Sizes) string { return sizesValue{&s}.String() }
