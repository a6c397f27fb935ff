// Package observe has the Python processes of a service tell which files they
// execute, and reads what they tell.
//
// A [Hook] is a sitecustomize in a directory that services get in front of their
// PYTHONPATH, and so do their child processes. It tells by files in a [Spool]
// that belongs to one generation: nobody waits for anybody, a service cannot
// close it by accident, and it is there when the agent has been away. A module
// of the project is told before its code runs, so what is read is never behind
// what was executed.
//
// Promised is that a service does not notice: its sys.path, sys.modules, exit
// code and output are what they are without, and its environment has
// BOUNCE_OBSERVE and a longer PYTHONPATH. Where the hook does not run, or cannot
// write, the service runs without it; [Python.Obstacle] knows what can be known before.
//
// A spool can be written by the service's users, so what is read from it is
// checked for its form, and is no more to be believed than the service itself.
package observe
