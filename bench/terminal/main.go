// Command terminal makes pictures of what a command prints on a terminal: SVG, one for light pages
// and one for dark ones. The pictures in docs are made by
//
//	script -qec 'gocache try ./keys 2>/dev/null' /dev/null |
//		go run ./bench/terminal -title 'gocache try ./keys' -out docs/try
//
// which writes docs/try-light.svg and docs/try-dark.svg. It takes what gocache writes: lines with
// the colours of report.Tone, and no cursor movements.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	title := flag.String("title", "", "the command that was run")
	out := flag.String("out", "", "prefix of the files to write")
	flag.Parse()
	if err := run(os.Stdin, *title, *out); err != nil {
		fmt.Fprintln(os.Stderr, "terminal:", err)
		os.Exit(1)
	}
}

func run(in io.Reader, title, out string) error {
	if title == "" || out == "" {
		return errors.New("-title and -out are needed")
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	lines, err := parse(string(text))
	if err != nil {
		return err
	}
	lines = append([][]span{{{text: "$ " + title, style: styleStrong}}}, lines...)
	for _, t := range []theme{light, dark} {
		if err := os.WriteFile(out+"-"+t.name+".svg", t.draw(title, lines), 0o644); err != nil {
			return err
		}
	}
	return nil
}
