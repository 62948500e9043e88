// Package findingtest demands of findings what people expect of them.
package findingtest

import (
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/org/gocache-action/internal/finding"
)

// programs are those that remedies run.
var programs = []string{
	"chmod", "curl", "export", "find", "git", "go", "gocache", "Get-ChildItem", "Remove-Item", "rm", "ssh-add", "ssh-keyscan", "sudo", "unset", "w32tm",
}

var (
	quoted   = regexp.MustCompile(`'[^']*'|"[^"]*"`)
	variable = regexp.MustCompile(`^[A-Z]+=\S* `)
)

// words finds what is no part of a command: text around it, and what people have to replace.
var words = regexp.MustCompile(`, | or | and |; [a-z]+ [a-z]+ |=\.\.\.|\b(?:DIR|PATH|URL|NAME|PROJECT|USER|corp\.example\.com)\b`)

// Pasteable demands that the command of a remedy can be pasted into a shell as it is.
func Pasteable(t testing.TB, f finding.Finding) {
	t.Helper()
	command := f.Remedy.Command
	if command == "" {
		return
	}
	unquoted := quoted.ReplaceAllString(command, "")
	known := true
	for part := range strings.SplitSeq(unquoted, " && ") {
		first, _, _ := strings.Cut(variable.ReplaceAllString(part, ""), " ")
		known = known && (slices.Contains(programs, first) || strings.HasPrefix(first, "$env:"))
	}
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
