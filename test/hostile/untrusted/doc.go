// Package untrusted plays somebody who can write any object of a bucket.
package untrusted
