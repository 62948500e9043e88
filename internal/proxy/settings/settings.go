// Package settings reads the file of a module proxy: who may read private modules, how modules are
// fetched, and limits. It is YAML, and a name that it does not know is an error.
package settings

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/proxy/access"
	"github.com/org/gocache-action/internal/quantity"
	"github.com/org/gocache-action/internal/yamlfile"
)

// Settings are what the file says, with defaults for what it does not.
type Settings struct {
	Private         string // patterns as in GOPRIVATE; "": those of the go command
	PrivateUpstream string // as in GOPROXY
	Netrc           string // file
	ClientCA        string // file
	Readers         []access.Reader
	Modes           []Mode

	ListTime    time.Duration // how long lists, and what branches mean, are relied on
	AbsentTime  time.Duration // the same of what does not exist
	CacheSize   int64         // bytes of zips on the local disk
	Connections int
	RequestTime time.Duration
	Memory      int64

	DirectCommands int
	DirectTime     time.Duration
	DirectDisk     int64
}

// A Mode says how modules are fetched that are not in the store.
type Mode struct {
	Modules string // patterns as in GOPRIVATE
	Mode    string
}

// The modes.
const (
	ModeSync     = "sync"     // fetch, and answer then
	ModeAsync    = "async"    // answer that it does not exist, and fetch
	ModeRedirect = "redirect" // send the client to the upstream, and store nothing
	ModeNone     = "none"     // never fetch
)

var modes = []string{ModeSync, ModeAsync, ModeRedirect, ModeNone}

// Defaults are the settings without a file.
func Defaults() Settings {
	return Settings{
		PrivateUpstream: "direct", ListTime: time.Minute, AbsentTime: time.Minute, CacheSize: 10 << 30, Connections: 1000, RequestTime: 10 * time.Minute, Memory: 64 << 20,
		DirectCommands: 4, DirectTime: 5 * time.Minute, DirectDisk: 10 << 30,
	}
}

// file is the file as it is written.
type file struct {
	Private         patterns `yaml:"private"`
	PrivateUpstream string   `yaml:"private-upstream"`
	Netrc           string   `yaml:"netrc"`
	ClientCA        string   `yaml:"client-ca"`
	Tokens          []struct {
		Name        string   `yaml:"name"`
		SHA256      string   `yaml:"sha256"`
		File        string   `yaml:"file"`
		Certificate string   `yaml:"certificate"`
		Read        patterns `yaml:"read"`
	} `yaml:"tokens"`
	Modes []struct {
		Modules patterns `yaml:"modules"`
		Mode    string   `yaml:"mode"`
	} `yaml:"modes"`
	Limits struct {
		ListTime       string `yaml:"list-time"`
		AbsentTime     string `yaml:"absent-time"`
		CacheSize      string `yaml:"cache-size"`
		Connections    int    `yaml:"connections"`
		RequestTime    string `yaml:"request-time"`
		Memory         string `yaml:"memory"`
		DirectCommands int    `yaml:"direct-commands"`
		DirectTime     string `yaml:"direct-time"`
		DirectDisk     string `yaml:"direct-disk"`
	} `yaml:"limits"`
}

// patterns are patterns of modules as in GOPRIVATE, or a list of them.
type patterns string

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *patterns) UnmarshalYAML(n *yaml.Node) error {
	list := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		list = n.Content
	}
	var texts []string
	for _, e := range list {
		if e.Kind != yaml.ScalarNode {
			return fmt.Errorf("line %d: want patterns of modules, such as corp.example.com/*", e.Line)
		}
		texts = append(texts, strings.TrimSpace(e.Value))
	}
	*p = patterns(strings.Join(texts, ","))
	if err := CheckPatterns(string(*p)); err != nil {
		return fmt.Errorf("line %d: %w", n.Line, err)
	}
	return nil
}

// CheckPatterns returns an error for a list of patterns of which one can match no module. The go
// command passes over such a pattern without a word, and a private module would be public.
func CheckPatterns(list string) error {
	for p := range strings.SplitSeq(list, ",") {
		p = strings.TrimSpace(p)
		if _, err := path.Match(p, ""); err != nil || strings.ContainsAny(p, " \t\n") || strings.Contains(p, "://") {
			return fmt.Errorf("%q is no pattern of modules: want patterns as in GOPRIVATE, such as corp.example.com/*, with commas between them", p)
		}
	}
	return nil
}

// CheckReaders returns an error if somebody may read modules that are not private: those everybody
// may read, and their names go to everybody.
func (s Settings) CheckReaders(private string) error {
	for _, r := range s.Readers {
		for p := range strings.SplitSeq(r.Patterns, ",") {
			if p = strings.TrimSpace(p); p == "" || p == "*" {
				continue // all that is private
			}
			if !module.MatchPrefixPatterns(private, example.Replace(p)) {
				return fmt.Errorf("token %q may read %s, which is not private; name it in private, or in GOPRIVATE", r.Name, p)
			}
		}
	}
	if len(s.Readers) > 0 && private == "" {
		return errors.New("there are tokens, and no modules are private; name them in private, or in GOPRIVATE")
	}
	return nil
}

// example makes a path that matches a simple pattern.
var example = strings.NewReplacer("*", "x", "?", "x")

// Read reads a file. Names of files in it are relative to its directory.
func Read(name string) (Settings, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return Settings{}, err
	}
	s, err := parse(data, filepath.Dir(name))
	if err != nil {
		return Settings{}, fmt.Errorf("%s: %w", name, err)
	}
	return s, nil
}

func parse(data []byte, dir string) (Settings, error) {
	s := Defaults()
	var f file
	if err := yamlfile.Decode(data, &f); err != nil {
		return s, err
	}
	if f.PrivateUpstream != "" {
		s.PrivateUpstream = f.PrivateUpstream
	}
	s.Private = string(f.Private)
	s.Netrc, s.ClientCA = within(dir, f.Netrc), within(dir, f.ClientCA)
	return s, errors.Join(s.readTokens(f, dir), s.readModes(f), s.readLimits(f))
}

func within(dir, name string) string {
	if name == "" || filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(dir, name)
}

func (s *Settings) readTokens(f file, dir string) error {
	for _, t := range f.Tokens {
		r := access.Reader{Name: t.Name, SHA256: t.SHA256, Certificate: t.Certificate, Patterns: string(t.Read)}
		if t.File != "" {
			if t.SHA256 != "" {
				return fmt.Errorf("token %q: sha256 and file exclude each other", t.Name)
			}
			data, err := os.ReadFile(within(dir, t.File))
			if err != nil {
				return fmt.Errorf("token %q: %w", t.Name, err)
			}
			token := strings.TrimSpace(string(data))
			if token == "" {
				return fmt.Errorf("token %q: %s is empty", t.Name, t.File)
			}
			sum := sha256.Sum256([]byte(token))
			r.SHA256 = hex.EncodeToString(sum[:])
		}
		if t.Certificate != "" && f.ClientCA == "" {
			return fmt.Errorf("token %q: a certificate needs client-ca", t.Name)
		}
		s.Readers = append(s.Readers, r)
	}
	_, err := access.New(s.Readers)
	return err
}

func (s *Settings) readModes(f file) error {
	for _, m := range f.Modes {
		if m.Modules == "" || !slices.Contains(modes, m.Mode) {
			return fmt.Errorf("mode %q of %q: want patterns of modules, and one of %s", m.Mode, m.Modules, strings.Join(modes, ", "))
		}
		s.Modes = append(s.Modes, Mode{string(m.Modules), m.Mode})
	}
	return nil
}

func (s *Settings) readLimits(f file) error {
	l := f.Limits
	return errors.Join(
		count("connections", l.Connections, &s.Connections), count("direct-commands", l.DirectCommands, &s.DirectCommands),
		duration("list-time", l.ListTime, 0, &s.ListTime), duration("absent-time", l.AbsentTime, 0, &s.AbsentTime),
		duration("request-time", l.RequestTime, 1, &s.RequestTime), duration("direct-time", l.DirectTime, 1, &s.DirectTime),
		size("cache-size", l.CacheSize, &s.CacheSize), size("memory", l.Memory, &s.Memory), size("direct-disk", l.DirectDisk, &s.DirectDisk),
	)
}

func count(name string, n int, to *int) error {
	if n < 0 || n > 1<<20 {
		return fmt.Errorf("limit %s: %d", name, n)
	}
	if n > 0 {
		*to = n
	}
	return nil
}

func duration(name, text string, least time.Duration, to *time.Duration) error {
	if text == "" {
		return nil
	}
	d, err := quantity.ParseDuration(text)
	if err == nil && d < least {
		err = errors.New("want more than 0")
	}
	if err != nil {
		return fmt.Errorf("limit %s: %w", name, err)
	}
	*to = d
	return nil
}

func size(name, text string, to *int64) error {
	if text == "" {
		return nil
	}
	n, err := quantity.ParseSize(text)
	if err == nil && n <= 0 {
		err = errors.New("want more than 0")
	}
	if err != nil {
		return fmt.Errorf("limit %s: %w", name, err)
	}
	*to = n
	return nil
}
