// Package classifier asks a program of the user's which actions call for files
// that no rule matches. Nobody depends on the answer: without one, for whatever
// reason, the fallback of the rules is applied.
//
// The program gets a [Question] as JSON on standard input and prints an
// [Answer] as JSON. It runs without a shell in a process group of its own,
// which is killed when its time is over. Answers are checked: one that names an
// action which is not declared is refused as a whole.
package classifier
