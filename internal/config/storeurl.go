package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/org/gocache-action/internal/usage"
)

// Store puts the URL of the store together: of the inputs, or else of the one that the environment
// names. "" means that there is none. Of how objects are kept, too, the environment counts where no
// input is given.
func (g Given) Store(environment string, env func(name string) string) (string, error) {
	text, bucket := g.get("store"), g.get("bucket")
	if text != "" && bucket != "" {
		return "", usage.Errorf("the inputs store and bucket exclude each other")
	}
	prefix := strings.Trim(g.get("prefix"), "/")
	byInputs := text != "" || bucket != ""
	switch {
	case bucket != "":
		u := url.URL{Scheme: "s3", Host: bucket}
		if prefix != "" {
			u.Path = "/" + prefix
		}
		text = u.String()
	case text != "" && prefix != "":
		return "", usage.Errorf("the input prefix goes with bucket; with store, put it into the URL: s3://bucket/%s", prefix)
	case text == "":
		text = environment
	}
	return addParameters(text, g.parameters(byInputs, env))
}

// FillStore adds to the URL of a command's store what the environment says of how objects are kept.
func (c *Config) FillStore(cmd Command, env func(name string) string) (err error) {
	if !slices.ContainsFunc(OptionsOf(cmd), func(o Option) bool { return o.Name == "store" }) {
		return nil
	}
	list := NewGiven(func(string) string { return "" }).parameters(false, env)
	if i := slices.IndexFunc(list, func(p parameter) bool { return !p.isOff() }); i >= 0 && c.Store == "" {
		return usage.Errorf("%s is for stores in S3, and no store is named", list[i].origin)
	}
	c.Store, err = addParameters(c.Store, list)
	return err
}

// OfBucket names a setting that makes sense for a bucket alone; "" if there is none.
func (g Given) OfBucket(c *Config, env func(name string) string) string {
	list := g.parameters(true, env)
	switch i := slices.IndexFunc(list, func(p parameter) bool { return !p.isOff() }); {
	case i >= 0:
		return list[i].origin
	case c.Role != "":
		return "the role"
	case c.CustomerKey != "":
		return "the customer key"
	}
	for _, name := range []string{"prefix", "access-key-id"} {
		if g.get(name) != "" {
			return "the input " + name
		}
	}
	return ""
}

// A parameter is one for the URL of the store that stands elsewhere.
type parameter struct {
	name, value, origin string
	isSwitch            bool
	// it says how objects are kept: without it they would be kept otherwise
	keeping bool
}

// parameters lists what inputs and variables say: how objects are kept, and of the inputs, with
// address, also where.
func (g Given) parameters(address bool, env func(name string) string) (list []parameter) {
	inputs := append(g.inputs[:len(g.inputs):len(g.inputs)], Input{Name: "sse-c-key-file", keeping: true})
	for _, in := range inputs {
		p := parameter{in.Name, g.get(in.Name), "the input " + in.Name, in.isSwitch, in.keeping}
		if p.value == "" && in.keeping {
			p.value, p.origin = strings.TrimSpace(env(Variable(in.Name))), "$"+Variable(in.Name)
		}
		if p.value != "" && (in.keeping || in.address && address) {
			list = append(list, p)
		}
	}
	return list
}

// isOff reports whether a switch is off, as it is without the parameter.
func (p parameter) isOff() bool {
	on, err := strconv.ParseBool(p.value)
	return p.isSwitch && err == nil && !on
}

// is reports whether the parameter has the value that the URL says.
func (p parameter) is(value string) bool {
	if p.isSwitch {
		one, err := strconv.ParseBool(p.value)
		other, err2 := strconv.ParseBool(value)
		if err == nil && err2 == nil {
			return one == other
		}
	}
	return p.value == value
}

// addParameters adds parameters to a URL. One that the URL has with another value is refused:
// nobody should believe that objects are encrypted with a key that they are not encrypted with.
func addParameters(text string, list []parameter) (string, error) {
	u, err := url.Parse(text)
	isS3 := err == nil && u.Scheme == "s3"
	var q url.Values
	if isS3 {
		q = u.Query()
	}
	changed := false
	for _, p := range list {
		switch {
		case isS3 && !q.Has(p.name):
			q.Set(p.name, p.value)
			changed = true
		case isS3 && !p.is(q.Get(p.name)):
			return "", usage.Errorf("%s is %q, and the URL of the store says %s=%s: give one of them", p.origin, p.value, p.name, q.Get(p.name))
		case !isS3 && p.keeping && text != "" && !p.isOff():
			// or somebody believes that a directory is encrypted
			return "", usage.Errorf("%s is for stores in S3, and %s is none", p.origin, displayStore(text, u, err))
		}
	}
	if changed {
		u.RawQuery = q.Encode()
		text = u.String()
	}
	return text, nil
}

// displayStore is a store without what could be a password.
func displayStore(text string, u *url.URL, err error) string {
	if err != nil || u.User != nil {
		return "the store"
	}
	return text
}
