package proxy

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/mod/module"

	"github.com/org/gocache-action/internal/proxy/upstream"
)

// operation is what a request asks for.
type operation string

// The operations; their names are labels of metrics.
const (
	opList   operation = "list"
	opLatest operation = "latest"
	opInfo   operation = "info"
	opMod    operation = "mod"
	opZip    operation = "zip"
	opSumDB  operation = "sumdb"
	opOther  operation = "other"
)

// request is a parsed path of the protocol.
type request struct {
	op      operation
	path    string // of a module, not escaped
	version string // or query
	db      string // name of a checksum database
	file    string // below it
}

// badRequest is an error about a path that is not of the protocol. Its status is 404, as of
// everything else that does not exist.
type badRequest struct{ err error }

func (e *badRequest) Error() string { return e.err.Error() }
func (e *badRequest) Unwrap() error { return e.err }

func badf(format string, args ...any) error { return &badRequest{fmt.Errorf(format, args...)} }

// parse reads the path of a URL, which is still percent-encoded.
func parse(escaped string) (request, error) {
	text, err := url.PathUnescape(strings.TrimPrefix(escaped, "/"))
	if err != nil {
		return request{op: opOther}, badf("path is not well-formed")
	}
	if rest, ok := strings.CutPrefix(text, "sumdb/"); ok {
		return parseSumDB(rest)
	}
	if esc, ok := strings.CutSuffix(text, "/@latest"); ok {
		return moduleRequest(opLatest, esc, "")
	}
	esc, file, ok := strings.Cut(text, "/@v/")
	if !ok {
		return request{op: opOther}, badf("no such page")
	}
	if file == "list" {
		return moduleRequest(opList, esc, "")
	}
	for _, k := range []operation{opInfo, opMod, opZip} {
		if version, ok := strings.CutSuffix(file, "."+string(k)); ok && version != "" {
			return moduleRequest(k, esc, version)
		}
	}
	return request{op: opOther}, badf("no such file of a module")
}

// parseSumDB reads what follows /sumdb/. The name of a database is a host and perhaps a path, so
// that only the files of databases tell where it ends.
func parseSumDB(text string) (request, error) {
	for _, mark := range []string{"/lookup/", "/tile/"} {
		if i := strings.Index(text, mark); i > 0 {
			return request{op: opSumDB, db: text[:i], file: text[i+1:]}, nil
		}
	}
	for _, file := range []string{"supported", "latest"} {
		if db, ok := strings.CutSuffix(text, "/"+file); ok && db != "" {
			return request{op: opSumDB, db: db, file: file}, nil
		}
	}
	return request{op: opSumDB}, badf("no such file of a checksum database")
}

func moduleRequest(op operation, escPath, escVersion string) (request, error) {
	r := request{op: op}
	var err error
	if r.path, err = module.UnescapePath(escPath); err != nil {
		return r, &badRequest{err}
	}
	if op == opList || op == opLatest {
		return r, nil
	}
	if r.version, err = module.UnescapeVersion(escVersion); err != nil {
		return r, &badRequest{err}
	}
	if op != opInfo && !upstream.IsVersion(r.path, r.version) {
		return r, badf("%s@%s: a .%s is there for canonical versions only", r.path, r.version, op)
	}
	return r, nil
}

// changing reports whether the answer to a request can change.
func (r request) changing() bool {
	return r.op == opList || r.op == opLatest || r.op == opInfo && !upstream.IsVersion(r.path, r.version)
}
