// Package pyruntime owns what runs inside Python, and knows which Python that
// is: the compile check, the interpreter of a command and the interpreter's
// identity.
//
// It executes none of the user's code: a file is compiled, never run, and
// nothing is written beside it.
package pyruntime
