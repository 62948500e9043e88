package keys

import (
	"go/version"
	"strings"
)

// Toolchain predicts the Go version that the go command will run, without letting it switch: a
// switch may download 300 MB, which the following restore should make unnecessary. It follows
// cmd/go/internal/toolchain.Select, go1.26.
//
// local is GOVERSION of the installed go ("go1.26.8"), setting is GOTOOLCHAIN; goLine ("1.25.0")
// and toolLine ("go1.26.8") are what the go.work or go.mod in use says, or "".
func Toolchain(local, setting, goLine, toolLine string) string {
	selected, mode := startToolchain(local, setting)
	if mode != "auto" && mode != "path" || toolLine == "default" {
		return selected
	}
	if newer(toolLine, selected) {
		selected = toolLine
	}
	if goLine == "" || !newer("go"+goLine, selected) {
		return selected
	}
	selected = "go" + goLine
	// Since Go 1.21, the first release of x.y is called x.y.0.
	if version.Lang(selected) == selected && version.Compare(selected, "go1.21") >= 0 {
		selected += ".0"
	}
	return selected
}

// startToolchain splits GOTOOLCHAIN into the version to start from and the mode:
// "auto" and "path" may switch to a newer one, all others may not.
func startToolchain(local, setting string) (selected, mode string) {
	if setting == "auto" || setting == "path" {
		return local, setting
	}
	name, mode, _ := strings.Cut(setting, "+")
	if !version.IsValid(name) { // "local", or what the go command will refuse
		return local, mode
	}
	return name, mode
}

// newer compares toolchain names. The go command never switches from a development version to a
// release; GOVERSION may carry experiments ("go1.26.8 X:jsonv2"), which do not count.
func newer(name, than string) bool {
	than, _, _ = strings.Cut(than, " ")
	return version.IsValid(name) && version.IsValid(than) && version.Compare(name, than) > 0
}
