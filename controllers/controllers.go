// Package controllers owns the API's resources, one a file: its constructor, its handlers, and the types of its requests
// and responses. A handler binds the request, calls a manager and writes a response; the rules are the managers', and
// errors are answered by middleware.Errors.
package controllers

import "github.com/gin-gonic/gin"

// Handle makes a Gin handler of one that returns its error; middleware.Errors answers it.
func Handle(handler func(*gin.Context) error) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := handler(c); err != nil {
			_ = c.Error(err)
		}
	}
}
