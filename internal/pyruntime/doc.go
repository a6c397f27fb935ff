// Package pyruntime owns what runs inside Python, and knows which Python that
// is: the compile check, the interpreter of a command, its identity, and where
// it looks for modules.
//
// It imports none of the user's code and writes nothing: a file is compiled,
// never run. To learn where an interpreter looks for modules is to start it,
// and that runs what was installed to be run at every start.
package pyruntime
