package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/org/gocache-action/internal/quantity"
)

// A duration is a flag value that also takes days and weeks: 14d, 1d12h, 2w.
type duration time.Duration

func (d *duration) Type() string { return "duration" }

// String prefers days, since that is how ages are given.
func (d *duration) String() string {
	const day = 24 * time.Hour
	v := time.Duration(*d)
	if v != 0 && v%day == 0 {
		return strconv.FormatInt(int64(v/day), 10) + "d"
	}
	s := v.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Set implements pflag.Value.
func (d *duration) Set(s string) error {
	v, err := quantity.ParseDuration(s)
	*d = duration(v)
	return err
}

// A size is a flag value in bytes: 500MB, 2GiB, 1048576.
type size int64

func (s *size) Type() string { return "size" }

// String leaves out the space of humanize, so that the default in the help can be typed.
func (s *size) String() string {
	if *s == 0 {
		return "0"
	}
	return strings.ReplaceAll(humanize.IBytes(uint64(*s)), " ", "")
}

// Set implements pflag.Value. MB are powers of 1000 and MiB of 1024, as everywhere.
func (s *size) Set(text string) error {
	n, err := quantity.ParseSize(text)
	*s = size(n)
	return err
}

// A number is a flag value that counts something: decimal digits, nothing else.
type number int

func (n *number) Type() string   { return "int" }
func (n *number) String() string { return strconv.Itoa(int(*n)) }

// Set implements pflag.Value.
func (n *number) Set(s string) error {
	v, err := quantity.ParseCount(s, maxCount)
	*n = number(v)
	return err
}

// maxCount is more than any server or machine wants of anything at once.
const maxCount = 1024

// A choice is a flag value out of a fixed list.
type choice struct {
	value   string
	allowed []string
	aliases map[string]string // other spellings that are understood
}

func (c *choice) Type() string   { return strings.Join(c.allowed, "|") }
func (c *choice) String() string { return c.value }

// Set implements pflag.Value.
func (c *choice) Set(s string) error {
	if same, ok := c.aliases[s]; ok {
		s = same
	}
	if !slices.Contains(c.allowed, s) {
		return fmt.Errorf("must be %s", strings.Join(c.allowed, " or "))
	}
	c.value = s
	return nil
}
