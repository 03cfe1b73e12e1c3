// Package web is what a server needs around its handlers to face the web: a table of routes with the
// query parameters that each takes, errors as JSON, bearer tokens, certificates that are renewed while
// it runs, answers to browsers of other origins, and a log of requests.
//
// The package knows HTTP and TLS. It must not know what the routes do, or flags.
package web
