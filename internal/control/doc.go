// Package control is how other programs talk to a running agent: the wire
// types, the server, the client, and where the socket is.
//
// It is HTTP with JSON bodies over a unix socket; streams are one JSON object
// a line. Whoever may open the socket may do everything, so its directory has
// mode 0700 and the socket 0600. There is no way to run a command, set a
// variable or name a file outside the project through it: verbs act on
// configured names only.
package control
