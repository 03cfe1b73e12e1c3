// Package wrongclock recognizes errors of other libraries and servers that a machine's wrong clock explains, and
// says so.
//
// It knows certificates and the codes with which stores refuse a request's time. It must not know what was
// asked for.
package wrongclock
