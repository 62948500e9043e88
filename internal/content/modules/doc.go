// Package modules is the kind of content that module versions are: each an object of its own, named
// by the h1 hash of its tree, which all branches and repositories of a store share.
//
// On their way to a store, scan.go lists the module cache, use.go finds out when each version was
// used, plan.go decides what the next snapshot has, and write.go makes objects, and proves on the
// way that a tree is what its hash says.
package modules
