package cli

import (
	"regexp"

	"github.com/org/gocache-action/internal/usage"
)

// percentVar matches a variable as cmd.exe writes it: %LocalAppData%, %ProgramFiles(x86)%.
var percentVar = regexp.MustCompile(`%([A-Za-z_][A-Za-z0-9_()]*)%`)

// pathVariables writes variables in the Windows style as ${X}, so that both spellings name the same
// directory. On other systems %X% is refused: nobody wants a directory of that name.
func pathVariables(given, goos string) (string, error) {
	if goos == "windows" {
		return percentVar.ReplaceAllString(given, "$${$1}"), nil
	}
	if m := percentVar.FindStringSubmatch(given); m != nil {
		return "", usage.Errorf("--path %s: %s is a variable on Windows only; write $%s", given, m[0], m[1])
	}
	return given, nil
}
