//go:build !unix

package agent

// nonblock is nothing where there are no FIFOs among files.
const nonblock = 0
