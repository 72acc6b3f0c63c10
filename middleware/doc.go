// Package middleware owns what happens to every request around its handler: its id, its log line, its limits, who sent
// it, and how an error is answered. It does not know what any route does.
package middleware
