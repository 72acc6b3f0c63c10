package controllers

import (
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

// TestMain keeps Gin from writing a banner for each context.
func TestMain(m *testing.M) {
	gin.SetMode(gin.TestMode)
	os.Exit(m.Run())
}
