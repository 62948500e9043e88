package config

import (
	"strings"
	"testing"
	"time"

	"github.com/org/gocache-action/internal/usage"
)

// fromInputs fills a configuration as a step does.
func fromInputs(cmd Command, inputs, env map[string]string) (*Config, error) {
	given := NewGiven(func(name string) string { return inputs[name] })
	if err := given.Check(); err != nil {
		return nil, err
	}
	c := New(cmd)
	err := c.Fill(cmd, nil, given.Source, Inheritable(Environment(func(name string) string { return env[name] })))
	if err == nil {
		c.Store, err = given.Store(c.Store, func(name string) string { return env[name] })
	}
	return c, err
}

// TestInputValues: inputs and the environment of a step set these values.
func TestInputValues(t *testing.T) {
	type m = map[string]string
	for name, c := range map[string]struct {
		inputs, env m
		ok          func(*Config) bool
	}{
		"option":             {m{"max-age": " 7d "}, nil, func(c *Config) bool { return c.MaxAge == 7*24*time.Hour }},
		"environment":        {m{"max-age": ""}, m{"GOCACHE_ACTION_MAX_AGE": "3d"}, func(c *Config) bool { return c.MaxAge == 3*24*time.Hour }},
		"input wins":         {m{"max-age": "7d"}, m{"GOCACHE_ACTION_MAX_AGE": "3d"}, func(c *Config) bool { return c.MaxAge == 7*24*time.Hour }},
		"renamed":            {m{"working-directory": "sub"}, nil, func(c *Config) bool { return c.Dir == "sub" }},
		"off":                {m{"modules": "false"}, nil, func(c *Config) bool { return c.NoModules }},
		"on":                 {m{"modules": "true"}, m{"GOCACHE_ACTION_NO_MODULES": "true"}, func(c *Config) bool { return !c.NoModules }},
		"matrix":             {m{"matrix": `{"a": 1}`}, nil, func(c *Config) bool { return c.Matrix == `{"a": 1}` }},
		"no JSON in the log": {nil, m{"GOCACHE_ACTION_JSON": "true"}, func(c *Config) bool { return !c.JSON }},
		"no other notes":     {nil, m{"GOCACHE_ACTION_STATE": "/x"}, func(c *Config) bool { return c.State == "" }},
		"secrets":            {m{"sign-key": "k", "sse-c-key": "s"}, nil, func(c *Config) bool { return c.SignKey == "k" && c.CustomerKey == "s" }},
	} {
		got, err := fromInputs(Save, c.inputs, c.env)
		if err != nil || !c.ok(got) {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

// TestStoreOfInputs: the URL of the store comes from inputs and the environment.
func TestStoreOfInputs(t *testing.T) {
	type m = map[string]string
	for name, c := range map[string]struct {
		inputs m
		env    string
		want   string
	}{
		"store":             {m{"store": "file:///x"}, "", "file:///x"},
		"environment":       {nil, "/x", "/x"},
		"bucket":            {m{"bucket": "b"}, "s3://other", "s3://b"},
		"bucket and more":   {m{"bucket": "b", "prefix": "/p q/", "region": "eu-west-1", "endpoint": "http://h:1", "path-style": "true"}, "", "s3://b/p%20q?endpoint=http%3A%2F%2Fh%3A1&path-style=true&region=eu-west-1"},
		"store and region":  {m{"store": "s3://b/p?region=x", "region": "x", "path-style": "true"}, "", "s3://b/p?path-style=true&region=x"},
		"region alone":      {m{"region": "y"}, "s3://e", "s3://e"},
		"encryption":        {m{"store": "s3://b", "sse": "aws:kms", "sse-kms-key-id": "alias/a", "sse-bucket-key": "true"}, "", "s3://b?sse=aws%3Akms&sse-bucket-key=true&sse-kms-key-id=alias%2Fa"},
		"class and payer":   {m{"storage-class": "STANDARD_IA", "requester-pays": "true"}, "s3://e?region=r", "s3://e?region=r&requester-pays=true&storage-class=STANDARD_IA"},
		"the same twice":    {m{"store": "s3://b?sse=AES256&requester-pays=1", "sse": "AES256", "requester-pays": "true"}, "", "s3://b?sse=AES256&requester-pays=1"},
		"nothing":           {m{"region": "r", "sse": "AES256"}, "", ""},
		"off, no bucket":    {m{"store": "/x", "requester-pays": "false"}, "", "/x"},
		"region, no bucket": {m{"store": "/x", "region": "r"}, "", "/x"},
	} {
		got, err := fromInputs(Restore, c.inputs, m{"GOCACHE_ACTION_STORE": c.env})
		if err != nil || got.Store != c.want {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

// TestWrongInputs: a mistake is reported in the user's own words.
func TestWrongInputs(t *testing.T) {
	for want, inputs := range map[string]map[string]string{
		`invalid value "maybe" in the input modules: want true or false`:       {"modules": "maybe"},
		`invalid value "x" in the input path-style`:                            {"path-style": "x"},
		`invalid value "1 fortnight" in the input max-age`:                     {"max-age": "1 fortnight"},
		`invalid value "true" in the input zips: must be rebuild`:              {"zips": "true"},
		"the inputs store and bucket exclude":                                  {"store": "s3://a", "bucket": "b"},
		"the input prefix goes with bucket":                                    {"store": "s3://a", "prefix": "b"},
		"one of them is empty":                                                 {"access-key-id": "AKID"},
		"the input sse is for stores in S3, and file:///x is none":             {"store": "file:///x", "sse": "AES256"},
		"the input requester-pays is for stores in S3":                         {"store": "/x", "requester-pays": "true"},
		"the input storage-class is for stores in S3, and the store is":        {"store": "https://u:sesame@h", "storage-class": "X"},
		`the input sse is "aws:kms", and the URL of the store says sse=AES256`: {"store": "s3://b?sse=AES256", "sse": "aws:kms"},
		`the input requester-pays is "false", and the URL`:                     {"store": "s3://b?requester-pays=true", "requester-pays": "false"},
		`the input region is "y", and the URL`:                                 {"store": "s3://b?region=x", "region": "y"},
	} {
		_, err := fromInputs(Restore, inputs, nil)
		if strings.Contains(want, "max-age") {
			_, err = fromInputs(Save, inputs, nil)
		}
		if err == nil || !usage.Is(err) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%v: %v, want %q", inputs, err, want)
		}
	}
}
