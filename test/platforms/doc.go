// Package platforms checks that everything compiles for the systems that the tests do not run on:
// it checks the types of all packages and their tests, with all that they import, from the sources.
// Compilers, and vet, which needs what they make, take five times as long for that.
package platforms
