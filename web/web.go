// Package web owns the hosted pages: html/template, embedded, readable without JavaScript, with nothing from elsewhere.
package web
