package config

import "github.com/org/gocache-action/internal/usage"

// A Source gives the text of an option, "" if it has none, and says where the text stands, for
// complaints: $GOCACHE_ACTION_MAX_AGE, the input max-age.
type Source func(o Option) (text, origin string)

// Environment is the source of variables. An empty variable counts as not set: that is how CI
// systems pass on inputs that nobody filled in.
func Environment(get func(name string) string) Source {
	return func(o Option) (text, origin string) {
		if o.NoVariable {
			return "", ""
		}
		return get(Variable(o.Name)), "$" + Variable(o.Name)
	}
}

// Fill sets the options of a command that were not given, each from the first source that has it.
// given tells which were, by flags; it can be nil.
func (c *Config) Fill(cmd Command, given func(option string) bool, sources ...Source) error {
	for _, o := range OptionsOf(cmd) {
		if given != nil && given(o.Name) {
			continue
		}
		if err := c.fillOne(o, sources); err != nil {
			return err
		}
	}
	return nil
}

func (c *Config) fillOne(o Option, sources []Source) error {
	for _, source := range sources {
		text, origin := source(o)
		if text == "" {
			continue
		}
		if err := o.Value(c).Set(text); err != nil {
			return usage.Errorf("invalid value %q in %s: %w", text, origin, err)
		}
		return nil
	}
	return nil
}
