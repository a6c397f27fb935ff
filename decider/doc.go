// Package decider says what a change calls for. [Decide] takes a batch of
// changes, the import graph, the rules and the services, and returns a plan:
// what to do in which order and why, what waits and what ends the wait, what
// was left alone. It does nothing itself and looks at nothing: no clock, no
// file, no process. The same input gives the same plan.
//
// Rules alone, without services, are [Rules.Fire]; it decides as smart-restart
// 0.1.0 does. [Infer] reads from a command which files its process starts
// from.
package decider
