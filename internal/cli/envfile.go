package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/org/gocache-action/internal/usage"
)

// maxEnvFile bounds such a file, in bytes. Tokens have a few thousand.
const maxEnvFile = 256 << 10

// A setting is a variable and its value.
type setting struct{ name, value string }

// readEnvFile reads a file of variables. Without the file there are none.
func readEnvFile(file string) ([]setting, error) {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case info.Size() > maxEnvFile:
		return nil, usage.Errorf("%s is larger than %d bytes: it is no file of variables", file, maxEnvFile)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	list, err := parseEnv(string(text))
	if err != nil {
		return nil, usage.Errorf("%s: %w", file, err)
	}
	return list, nil
}

// parseEnv reads variables as `docker run --env-file` does: a NAME=VALUE on each line, where the
// value is what follows, without quotes or escapes; lines that are empty or begin with # do not
// count. No error holds a value.
func parseEnv(text string) (list []setting, err error) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		if begin := strings.TrimSpace(line); begin == "" || begin[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" || strings.ContainsFunc(name, notInName) || strings.Contains(value, "\x00") {
			return nil, fmt.Errorf("line %d is not NAME=VALUE", number)
		}
		list = append(list, setting{name, value})
	}
	return list, nil
}

// notInName reports whether a character cannot be in the name of a variable.
func notInName(r rune) bool {
	return r != '_' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// formatEnv writes what parseEnv reads. Of a variable whose value has lines nothing can be written.
func formatEnv(list []setting) (string, error) {
	var b strings.Builder
	for _, s := range list {
		if strings.ContainsAny(s.value, "\r\n\x00") {
			return "", fmt.Errorf("$%s has several lines, which a file of variables cannot hold", s.name)
		}
		b.WriteString(s.name + "=" + s.value + "\n")
	}
	return b.String(), nil
}

// without leaves variables out of an environment.
func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}
