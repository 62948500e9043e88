// Package gitlab tests the CI/CD component in templates/gocache.yml. It runs pipelines with
// gitlab-ci-local, with the real command, a real S3 server, and jobs whose only credential is an
// OIDC token.
package gitlab
