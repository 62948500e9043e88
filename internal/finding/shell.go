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
