// Package shim keeps a service alive when the agent that started it is not: a
// small process of its own between the two, the same program in a private mode.
//
// The shim is the parent of the service, and of what the service leaves behind
// (a subreaper). It reads the output into a bounded backlog, whether or not
// anybody wants it, so that neither a stuck agent nor a full disk slows the
// service; it keeps open what the service was lent: listening sockets, and the
// socket for notices; and it knows how the service ended. All this it tells
// the agent that is connected to its socket, one at a time, and the next one
// after that.
//
// It does nothing of its own accord: it starts one command once, signals
// nobody, restarts nothing. It ends when the agent says so; when nobody is
// connected it ends some time after everything below it has, and leaves how it
// ended in a file.
//
// Roads not taken: a file or a named pipe for the output, which loses the exit
// status, and where a full disk stops the service; handing pipes and children
// on by execve of the agent into its next version, which does not survive
// KILL; a record of processes on disk, which may be old, and which is wrong
// after a fault of the disk: here the process itself is the record, and who
// answers on the socket is who it says.
package shim
