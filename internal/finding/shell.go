package finding

import (
	"runtime"
	"strings"
)

// Quote makes one word of a text, for the shells of this system: a remedy is there to be pasted.
func Quote(text string) string { return quoteFor(runtime.GOOS, text) }

// Word is Quote, for a text that may do without.
func Word(text string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-+:,@="
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return Quote(text)
}

// Export is the command that sets a variable to a value, which is quoted where it has to be. On
// Windows it is that of PowerShell.
func Export(name, value string) string { return exportFor(runtime.GOOS, name, value) }

func exportFor(goos, name, value string) string {
	if goos != "windows" {
		return "export " + name + "=" + value
	}
	if !strings.HasPrefix(value, `"`) {
		value = `"` + value + `"`
	}
	return "$env:" + name + "=" + value
}

// With is a command that sees a variable with a value which need not be quoted. On Windows, where
// that is PowerShell, the commands after it would see it, too: it is removed again.
func With(name, value, command string) string { return withFor(runtime.GOOS, name, value, command) }

func withFor(goos, name, value, command string) string {
	if goos == "windows" {
		return exportFor(goos, name, value) + "; " + command + "; Remove-Item Env:" + name
	}
	return name + "=" + value + " " + command
}

// Then is one command, and if it succeeds another.
func Then(first, second string) string { return thenFor(runtime.GOOS, first, second) }

func thenFor(goos, first, second string) string {
	if goos == "windows" { // && is unknown to Windows PowerShell 5
		return first + "; if ($?) { " + second + " }"
	}
	return first + " && " + second
}

// Unset is the command that forgets a variable.
func Unset(name string) string {
	if runtime.GOOS == "windows" {
		return "Remove-Item Env:" + name
	}
	return "unset " + name
}

// quoteFor quotes for a system. On Windows cmd and PowerShell both know double quotes only.
func quoteFor(goos, text string) string {
	if goos == "windows" {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
