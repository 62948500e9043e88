package cli

import (
	"strings"
	"testing"
)

func TestPathVariables(t *testing.T) {
	for _, tt := range []struct{ given, windows, unix string }{
		{`%LocalAppData%\golangci-lint`, `${LocalAppData}\golangci-lint`, "!$LocalAppData"},
		{`%LOCALAPPDATA%/%X_1%`, "${LOCALAPPDATA}/${X_1}", "!$LOCALAPPDATA"},
		{`%ProgramFiles(x86)%\x`, `${ProgramFiles(x86)}\x`, "!ProgramFiles(x86)"},
		{"$X/y", "$X/y", "$X/y"},
		{"~/100%", "~/100%", "~/100%"},
		{"a%/%b", "a%/%b", "a%/%b"},
		{"%%", "%%", "%%"},
		{"a%20b%20c", "a%20b%20c", "a%20b%20c"},
	} {
		if got, err := pathVariables(tt.given, "windows"); got != tt.windows || err != nil {
			t.Errorf("windows: %s: %s, %v", tt.given, got, err)
		}
		got, err := pathVariables(tt.given, "linux")
		if part, bad := strings.CutPrefix(tt.unix, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("linux: %s: %s, %v", tt.given, got, err)
			}
		} else if got != tt.unix || err != nil {
			t.Errorf("linux: %s: %s, %v", tt.given, got, err)
		}
	}
}
