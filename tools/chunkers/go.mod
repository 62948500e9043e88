module github.com/org/gocache-action/tools/chunkers

go 1.26.0

require (
	github.com/jotfs/fastcdc-go v0.2.0
	github.com/org/gocache-action v0.0.0
	github.com/restic/chunker v0.4.0
)

replace github.com/org/gocache-action => ../..
