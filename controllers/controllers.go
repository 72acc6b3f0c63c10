// Package controllers owns the API's resources, one per file: its constructor, its handlers, and the types of its requests and
// responses. A handler binds the request, calls a manager and writes a response. It owns neither the rules, which are the
// managers', nor the responses to errors, which middleware.Errors writes.
package controllers

import "github.com/gin-gonic/gin"

// Handle adapts a handler that returns an error to Gin. It leaves the error in the context, for middleware.Errors to write.
func Handle(handler func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handler(c); err != nil {
			_ = c.Error(err)
		}
	}
}
