package config

// moduleOptions is the table of `doctor MODULE`.
var moduleOptions = []Option{
	{
		Name: "no-vcs", Commands: Doctor, Group: Serving,
		Help:  "with MODULE: do not ask its repository",
		value: toggle(func(c *Config) *bool { return &c.NoVCS }),
	},
}
