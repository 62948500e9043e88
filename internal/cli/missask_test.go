package cli

import (
	"strings"
	"testing"
)

func TestOtherwise(t *testing.T) {
	for _, c := range []struct{ command, flag, want, name string }{
		{"build ./...", "-race", "build -race ./...", "-race"},
		{"test -race ./...", "-race", "test ./...", "no -race"},
		{"test --race=true ./...", "-race", "test ./...", "no -race=true"},
		{"build -tags foo,bar ./...", "-tags", "build ./...", "no -tags foo,bar"},
		{"build -v --tags=foo ./...", "-tags", "build -v ./...", "no -tags=foo"},
		{"build ./...", "-tags", "", ""},
		{"build -tags", "-tags", "", ""},
		{"vet ./...", "-cover", "", ""},
		{"vet -cover ./...", "-cover", "vet ./...", "no -cover"},
	} {
		with, name, ok := otherwise(strings.Fields(c.command), c.flag)
		if got := strings.Join(with, " "); got != c.want || name != c.name || ok != (c.want != "") {
			t.Errorf("%s, %s: %q, %q, %v", c.command, c.flag, got, name, ok)
		}
	}
}
