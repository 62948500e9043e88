package main

// Open files of a transfer at the most: its connection, the files that its two jobs write, and
// those of a large module that several goroutines write; and of everything else: streams, locks, a
// look-up, programs.
const (
	filesOfTransfer = 6
	filesElsewhere  = 24
)

// concurrency is --concurrency, or where that is not given, what the limit of open files allows if
// that is less than usual.
func (a *app) concurrency() int {
	if a.flags.concurrency > 0 || a.process == nil {
		return int(a.flags.concurrency)
	}
	return transfersFor(openFiles())
}

// transfersFor returns how many transfers fit below a limit of open files; 0: as many as usual.
func transfersFor(files uint64) int {
	if files >= filesElsewhere+16*filesOfTransfer {
		return 0
	}
	return max(1, (int(files)-filesElsewhere)/filesOfTransfer)
}
