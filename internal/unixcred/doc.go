// Package unixcred has the kernel say which process has sent a message over a unix
// socket (SO_PASSCRED, unix(7)), and which is at its other end (SO_PEERCRED): what a
// process says of itself need not be true.
package unixcred
