// Package machine looks at what a process may have of this machine and has, at
// files and directories that a program relies on, and at the clock of a file
// system. It changes nothing: even the file that it writes to learn of the clock
// has no name.
//
// What a system does not tell is left out, never guessed.
package machine
