// Package gitlab tests the CI/CD component in templates/gocache.yml: pipelines that gitlab-ci-local
// runs, with the real command, a real S3 server, and jobs that have nothing but an OIDC token.
package gitlab
