package proxy

import "time"

// Silent is a Watcher that counts nothing.
type Silent struct{}

// Found implements Watcher.
func (Silent) Found(string, string) {}

// Asked implements Watcher.
func (Silent) Asked(string, string, string, time.Duration) {}

// StoreFailed implements Watcher.
func (Silent) StoreFailed(string) {}

// DiskFailed implements Watcher.
func (Silent) DiskFailed() {}
