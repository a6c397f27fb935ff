// Package waitid tells how a child has ended without taking it off the kernel's
// list: until somebody does, its number cannot be given to another process.
package waitid
