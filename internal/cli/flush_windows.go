package cli

// flushDisks does nothing: Windows flushes volumes for administrators only.
func flushDisks() {}
