package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/org/gocache-action/internal/quantity"
)

// StatsConfig holds the settings of stats.
type StatsConfig struct {
	NoStore bool
	Record  bool
	History string // file; "" is one in the user's cache
	HTML    string // file; "": none
	Quota   Quota
	Listen  string        // address; "": it ends
	Every   time.Duration // with Listen
}

// Quota is what must not be exceeded, in bytes; 0 is no bound.
type Quota struct{ Caches, Store int64 }

var statsOptions = []Option{
	{
		Name: "timeout", Commands: Stats, Group: Common,
		Default: "0",
		Help:    "give up after this time; 0: never",
		value:   duration(func(c *Config) *time.Duration { return &c.Timeout }),
	},
	{
		Name: "no-store", Commands: Stats, Group: Content,
		Help:  "do not look at a store",
		value: toggle(func(c *Config) *bool { return &c.Stats.NoStore }),
	},
	{
		Name: "record", Commands: Stats, Group: Measuring,
		NoVariable: true, // it would write whenever somebody looks
		Help: "add a line to the history, from which growth is computed; for cron or a " +
			"timer",
		value: toggle(func(c *Config) *bool { return &c.Stats.Record }),
	},
	{
		Name: "history", Commands: Stats, Group: Measuring,
		Origin: "stats.jsonl below the user cache directory",
		Help:   "file with the history",
		value:  text(func(c *Config) *string { return &c.Stats.History }),
	},
	{
		Name: "quota", Commands: Stats, Group: Measuring,
		Default: "0",
		Help: "limit on the size of both caches, or of the store, such as 50GiB or " +
			"50GiB,store=10GB: exit with 1 if it is exceeded, and say when it will be; 0: none",
		value: func(c *Config) Value { return quotaValue{&c.Stats.Quota} },
	},
	{
		Name: "html", Commands: Stats, Group: Measuring,
		NoVariable: true,
		Help: "also write a page with charts to this file, which needs no network and no " +
			"other file",
		value: text(func(c *Config) *string { return &c.Stats.HTML }),
	},
}

// quotaValue is a size for the caches, and one for the store: 50GiB,store=10GB.
type quotaValue struct{ to *Quota }

func (v quotaValue) Type() string   { return "sizes" }
func (v quotaValue) String() string { return showSizes(v.parts()) }

func (v quotaValue) Set(text string) error {
	quota := *v.to
	if err := setSizes(quotaValue{&quota}.parts(), text, "50GiB or 50GiB,store=10GB"); err != nil {
		return err
	}
	*v.to = quota
	return nil
}

func (v quotaValue) parts() []sizesPart {
	return []sizesPart{{"store=", &v.to.Store}, {"", &v.to.Caches}}
}

// setSizes reads a list of sizes, each for the part with its prefix. The part without one is the
// last, as it matches everything.
func setSizes(parts []sizesPart, text, example string) error {
	seen := map[string]bool{}
	for item := range strings.SplitSeq(text, ",") {
		i := slices.IndexFunc(parts, func(p sizesPart) bool { return strings.HasPrefix(item, p.prefix) })
		n, err := quantity.ParseSize(strings.TrimPrefix(item, parts[i].prefix))
		if err != nil {
			return err
		}
		if seen[parts[i].prefix] { // or 1,5GB were 5GB
			return fmt.Errorf("invalid sizes %q: want such as %s", text, example)
		}
		seen[parts[i].prefix] = true
		*parts[i].to = n
	}
	return nil
}
