// Package warm starts Python services by fork, from a process that has loaded
// their libraries already.
//
// A parent is the interpreter with the very command of a service, stopped before
// the first line of it: parent.py is its sitecustomize. It imports the modules
// that it is told, nothing of the project, and waits. For each start it forks a
// child, which becomes a child of the caller by way of its subreaper, waits for
// the word to begin, and then goes on with the command: what follows is done by
// the interpreter as it is after an exec.
//
// What is promised: a child differs from a process that was executed in nothing
// but what docs/warm.md lists, or there is no child and an error that says why. A
// parent ends when its [Parent] is closed, and when the process that holds it
// ends, however that ends.
//
// What is not: other systems than Linux, other interpreters than CPython from 3.8
// on.
package warm
