package controllers

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/problems"
)

// Health serves the probes by which an orchestrator decides whether to restart the process and whether to send it requests.
type Health struct {
	ready func(context.Context) error
}

// NewHealth returns the controller of the probes. ready returns why the service can't serve requests, or nil if it can.
func NewHealth(ready func(context.Context) error) *Health {
	return &Health{ready: ready}
}

type healthResponse struct {
	Status string `json:"status"`
}

// Live responds with 200 as long as the process runs.
func (h *Health) Live(c *gin.Context) error {
	c.JSON(http.StatusOK, healthResponse{Status: "ok"})
	return nil
}

// Ready responds with 200 if the database can be used and has a schema that this program can serve, and with 503 otherwise, and
// while the service shuts down.
func (h *Health) Ready(c *gin.Context) error {
	if err := h.ready(c.Request.Context()); err != nil {
		return fmt.Errorf("%w: %w", problems.ErrNotReady, err)
	}
	c.JSON(http.StatusOK, healthResponse{Status: "ok"})
	return nil
}
