// Package web owns the hosted pages: embedded html/template pages that need no JavaScript and load nothing from other hosts.
package web
