package goentry

import "bytes"

// Kind says what an output of the build cache is.
type Kind string

// Kinds of outputs.
const (
	KindPackage Kind = "package" // what the compiler made of a package
	KindProgram Kind = "program" // of go run or go tool
	// what a test read, which decides whether its result still holds
	KindTestLog  Kind = "test log"
	KindResult   Kind = "test result"      // what a test printed
	KindProfile  Kind = "coverage profile" // what a test covered
	KindIndex    Kind = "package index"    // what the go command noted about a package or module
	KindCompiler Kind = "C compiler"       // what the go command noted about a C compiler
	KindVet      Kind = "vet facts"        // what go vet noted about a package for those that import it
	KindOther    Kind = "other"
)

// Archive is how the outputs of the compiler begin.
const Archive = "!<arch>\n"

// Sniffed is how many bytes of each end of an output KindOf needs.
const Sniffed = 4096

// KindOf says what an output is that is not a program. head and tail are its first and last Sniffed
// bytes, or all bytes of a shorter output.
func KindOf(head, tail []byte) Kind {
	switch {
	case bytes.HasPrefix(head, []byte(Archive)):
		return KindPackage
	case bytes.HasPrefix(head, []byte("go index v")):
		return KindIndex
	case bytes.HasPrefix(head, []byte(logMagic)):
		return KindTestLog
	case bytes.HasPrefix(head, []byte("mode: ")):
		return KindProfile
	case isCompilerID(head):
		return KindCompiler
	case isFacts(head):
		return KindVet
	case isResult(tail):
		return KindResult
	}
	return KindOther
}

// isResult reports whether an output with this end is a test result that the go command would print
// again.
func isResult(tail []byte) bool {
	body, ok := bytes.CutSuffix(tail, []byte("\n"))
	return ok && bytes.HasPrefix(body[bytes.LastIndexByte(body, '\n')+1:], []byte("ok  \t"))
}

// isCompilerID reports whether an output begins with the name of a file and what stat says about it
// (gccCompilerID of cmd/go/internal/work).
func isCompilerID(data []byte) bool {
	name, rest, ok := bytes.Cut(data, []byte{0})
	return ok && len(name) > 0 && !bytes.ContainsAny(name, "\r\n") && bytes.HasPrefix(rest, []byte("stat "))
}

// isFacts reports whether an output begins as facts of an analysis: a stream of encoding/gob of the
// type gobFact (golang.org/x/tools/internal/facts).
func isFacts(head []byte) bool {
	return bytes.Contains(head[:min(len(head), 64)], []byte("\x07gobFact\x01"))
}
