// Package arch holds the import policy of the project: which of our packages
// may import which, where each third-party back end belongs, and where cgo
// may be used. It has no code of its own; the policy is its test.
package arch
