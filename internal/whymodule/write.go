package whymodule

import (
	"fmt"
	"io"
)

// Write prints an answer for people.
func (a *Answer) Write(w io.Writer) error {
	title := a.Target.String()
	if a.Facts.Goal != "" && a.Facts.Goal != a.Query {
		title += " is " + a.Facts.Goal
	}
	if _, err := fmt.Fprintf(w, "%s\n\n", title); err != nil {
		return err
	}
	if err := a.Findings.Write(w); err != nil {
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return a.Remedy.Write(w)
}
