// Package untrusted plays an attacker who can write any object of a bucket.
package untrusted
