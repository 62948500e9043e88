// Package structure tests that the packages depend on each other only as docs/architecture.md says,
// and that no type has too many methods. It reads the sources and runs nothing.
package structure
