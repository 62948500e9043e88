package finding

import (
	"fmt"
	"io"
	"strings"
)

// A Remedy is what helps: a command, words that say what to do instead of it or after it, or both.
type Remedy struct {
	// Command is a line for a shell of this system, to be pasted as it is: nothing in it stands for
	// what people have to put there. "": no command helps, or not without what only they know.
	Command string `json:"command,omitempty"`
	Advice  string `json:"advice,omitempty"` // in one or more lines
}

// Run is a command that helps.
func Run(command string) Remedy { return Remedy{Command: command} }

// Advise is what people can do, in words.
func Advise(words string) Remedy { return Remedy{Advice: words} }

// With adds words to a remedy, on a line of their own.
func (r Remedy) With(words string) Remedy {
	if r.Advice != "" && words != "" {
		words = r.Advice + "\n" + words
	}
	r.Advice = words
	return r
}

// Map is the remedy with both texts changed, as by a function that removes secrets.
func (r Remedy) Map(change func(string) string) Remedy {
	return Remedy{change(r.Command), change(r.Advice)}
}

// String is the remedy for people: the command alone on the first line.
func (r Remedy) String() string {
	if r.Command == "" || r.Advice == "" {
		return r.Command + r.Advice
	}
	return r.Command + "\n" + r.Advice
}

// Write prints a remedy alone.
func (r Remedy) Write(w io.Writer) error {
	var b strings.Builder
	r.write(&b, w, 0)
	_, err := io.WriteString(w, b.String())
	return err
}

// write prints a remedy for w, from a column on. Only words are wrapped: a command is to be pasted.
func (r Remedy) write(b *strings.Builder, w io.Writer, column int) {
	const arrow = "-> "
	inner := column + len(arrow)
	text := wrapped(w, r.Advice, inner)
	switch {
	case r == Remedy{}:
		return
	case r.Advice == "":
		text = r.Command
	case r.Command != "":
		text = r.Command + "\n" + strings.Repeat(" ", inner) + text
	}
	fmt.Fprintf(b, "%*s%s%s\n", column, "", arrow, text)
}
