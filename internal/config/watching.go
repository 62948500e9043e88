package config

import (
	"net/url"
	"time"

	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/usage"
)

// WatchConfig holds what has to do with watching caches: metrics, and gocache health.
type WatchConfig struct {
	MetricsFile string
	PushGateway string // URL
	File        string // with the settings of health; "": their defaults
	FailBelow   int    // score; 0: never
	Webhook     string // URL, a secret
	Template    string // file
	GradeFile   string // "": the store, or a file in the user's cache
}

var watchOptions = []Option{
	{
		Name: "metrics-file", Commands: Restore | Save | Run, Group: Watching,
		Help: "file to add metrics to, for the textfile collector of Prometheus, such as " +
			"/var/lib/node_exporter/gocache.prom",
		value: text(func(c *Config) *string { return &c.Watch.MetricsFile }),
	},
	{
		Name: "push-gateway", Commands: Restore | Save | Run, Group: Watching,
		Help: "URL of a Prometheus push gateway to push metrics to, such as " +
			"http://pushgateway.example.com:9091",
		value: text(func(c *Config) *string { return &c.Watch.PushGateway }),
	},
	{
		Name: "listen", Commands: Stats, Group: Watching,
		NoVariable: true, // a variable of that name is one of the proxy
		Help: "keep running, and serve metrics to Prometheus on this address, such as " +
			":9400",
		value: text(func(c *Config) *string { return &c.Stats.Listen }),
	},
	{
		Name: "every", Commands: Stats, Group: Watching,
		Default: "30m",
		Help: "with --listen: maximum age of the figures; a scrape that finds older ones " +
			"starts a new collection",
		value: duration(func(c *Config) *time.Duration { return &c.Stats.Every }),
	},
	{
		Name: "max-size", Commands: Health, Group: Common,
		Default: "0",
		Help: "the --max-size of the saves, against which the size of the snapshot is " +
			"judged; 0: not judged",
		value: func(c *Config) Value { return sizesValue{&c.MaxSize} },
	},
	{
		Name: "config", Commands: Health, Group: Watching,
		NoVariable: true, // a variable of that name is one of the proxy
		Help:       "file with weights and thresholds",
		value:      text(func(c *Config) *string { return &c.Watch.File }),
	},
	{
		Name: "fail-below", Commands: Health, Group: Watching,
		Default: "0",
		Help:    "exit with 1 if the score is below this, 0 to 100",
		value:   func(c *Config) Value { return scoreValue{&c.Watch.FailBelow} },
	},
	{
		Name: "webhook", Commands: Health, Group: Watching, NoFlag: true, Secret: true,
		Help:  "URL to notify when the grade changes",
		value: text(func(c *Config) *string { return &c.Watch.Webhook }),
	},
	{
		Name: "webhook-template", Commands: Health, Group: Watching,
		Help:  "file with a template of the notification, for chat services",
		value: text(func(c *Config) *string { return &c.Watch.Template }),
	},
	{
		Name: "grade-file", Commands: Health, Group: Watching,
		Origin: "the store, or if it cannot be written, a file below the user cache directory",
		Help:   "file that holds the last grade, for the webhook",
		value:  text(func(c *Config) *string { return &c.Watch.GradeFile }),
	},
}

// scoreValue is a number from 0 to 100.
type scoreValue struct{ to *int }

func (v scoreValue) Type() string   { return "score" }
func (v scoreValue) String() string { return countValue(v).String() }

func (v scoreValue) Set(text string) error {
	n, err := quantity.ParseCount(text, 100)
	if err == nil {
		*v.to = n
	}
	return err
}

// check refuses what makes no sense. URLs may hold secrets, so they are not repeated.
func (w WatchConfig) check() error {
	if w.PushGateway != "" {
		if u, err := url.Parse(w.PushGateway); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" {
			return usage.Errorf("invalid value for --push-gateway: want a URL such as http://pushgateway.example.com:9091")
		}
	}
	if w.Webhook != "" {
		if u, err := url.Parse(w.Webhook); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return usage.Errorf("invalid value in $%s: want a URL such as https://hooks.example.com/services/...", Variable("webhook"))
		}
	}
	if w.Template != "" && w.Webhook == "" {
		return usage.Errorf("--webhook-template goes with $%s", Variable("webhook"))
	}
	return nil
}
