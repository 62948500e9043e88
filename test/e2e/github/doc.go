// Package github tests the GitHub action: its shim and its workflows, run by node and by act, which
// stands in for the runner, with the real command, the real go command and a real S3 server.
// docs/github.md lists how act differs from GitHub's runner.
package github
