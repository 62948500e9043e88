package config

import (
	"net/url"
	"strings"

	"github.com/org/gocache-action/internal/usage"
)

// Store puts the URL of the store together: of the inputs, or else of the one that the environment
// names. "" means that there is none. What the URL says already an input does not change.
func (g Given) Store(environment string) (string, error) {
	text, bucket := g.get("store"), g.get("bucket")
	if text != "" && bucket != "" {
		return "", usage.Errorf("the inputs store and bucket exclude each other")
	}
	prefix := strings.Trim(g.get("prefix"), "/")
	switch {
	case bucket != "":
		u := url.URL{Scheme: "s3", Host: bucket}
		if prefix != "" {
			u.Path = "/" + prefix
		}
		return g.addParameters(u.String(), true)
	case text != "" && prefix != "":
		return "", usage.Errorf("the input prefix goes with bucket; with store, put it into the URL: s3://bucket/%s", prefix)
	case text != "":
		return g.addParameters(text, true)
	}
	return g.addParameters(environment, false)
}

// addParameters adds what the inputs say to a URL: how objects are kept, and with address also
// where.
func (g Given) addParameters(text string, address bool) (string, error) {
	u, err := url.Parse(text)
	isS3 := err == nil && u.Scheme == "s3"
	var q url.Values
	if isS3 {
		q = u.Query()
	}
	changed := false
	for _, in := range g.inputs {
		value := g.get(in.Name)
		switch {
		case value == "" || !in.keeping && !(in.address && address):
		case isS3 && !q.Has(in.Name):
			q.Set(in.Name, value)
			changed = true
		case !isS3 && in.keeping && text != "" && (!in.isSwitch || !g.IsFalse(in.Name)):
			// or somebody believes that a directory is encrypted
			return "", usage.Errorf("the input %s is for stores in S3, and %s is none", in.Name, displayStore(text, u, err))
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
