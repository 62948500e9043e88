// Package structure tests that the packages depend on each other as docs/architecture.md says, and
// that no type grows beyond what can be kept in mind. It reads the sources, and runs nothing.
package structure
