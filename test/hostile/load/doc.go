// Package load has many jobs work on one server at once.
package load
