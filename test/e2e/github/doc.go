// Package github holds the tests of the GitHub action: shim and workflows, run by node and by act,
// which stands in for the runner, with the real command, the real go command and a real S3 server.
// What act does not do as GitHub's runner does is said in docs/github.md.
package github
