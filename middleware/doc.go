// Package middleware owns what happens to a request around its handler: its id, its log line, its metrics, its limits, its
// authentication, and the response to an error. It does not know what any route does.
package middleware
