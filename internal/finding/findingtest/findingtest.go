// Package findingtest demands of findings what people expect of them.
package findingtest

import (
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/finding"
)

// programs are those that remedies run.
var programs = []string{
	"chmod", "curl", "export", "find", "git", "go", "gocache", "Get-ChildItem", "Remove-Item", "rm", "ssh-add", "ssh-keyscan", "sudo", "unset", "w32tm",
}

// words finds what is no part of a command: text around it, and what people have to replace.
var words = regexp.MustCompile(`, | or | and |; |=\.\.\.|\b(?:DIR|PATH|URL|NAME|PROJECT|USER|corp\.example\.com)\b`)

// Pasteable demands that the command of a remedy can be pasted into a shell as it is.
func Pasteable(t testing.TB, f finding.Finding) {
	t.Helper()
	command := f.Remedy.Command
	if command == "" {
		return
	}
	first, _, _ := strings.Cut(command, " ")
	known := strings.HasPrefix(first, "$env:")
	for _, p := range programs {
		known = known || first == p
	}
	unquoted := regexp.MustCompile(`'[^']*'|"[^"]*"`).ReplaceAllString(command, "")
	if !known || strings.Contains(command, "\n") || words.MatchString(unquoted) {
		t.Errorf("%s: %q is no command that can be pasted", f.Check, command)
	}
	if runtime.GOOS == "windows" {
		return
	}
	if out, err := exec.Command("sh", "-n", "-c", command).CombinedOutput(); err != nil {
		t.Errorf("%s: %q: %v\n%s", f.Check, command, err, out)
	}
}
