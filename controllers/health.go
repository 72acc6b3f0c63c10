package controllers

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"

	"latchkey/problems"
)

// Health tells an orchestrator whether to restart the process and whether to send it requests.
type Health struct {
	ready func(context.Context) error
}

// NewHealth makes the resource of health. ready says what keeps the service from answering requests, nil if nothing.
func NewHealth(ready func(context.Context) error) *Health {
	return &Health{ready: ready}
}

type healthResponse struct {
	Status string `json:"status"`
}

// Live answers as long as the process runs.
func (h *Health) Live(c *gin.Context) error {
	c.JSON(http.StatusOK, healthResponse{Status: "ok"})
	return nil
}

// Ready answers 200 when the database can be reached and its schema is current.
func (h *Health) Ready(c *gin.Context) error {
	if err := h.ready(c.Request.Context()); err != nil {
		return fmt.Errorf("%w: %w", problems.ErrNotReady, err)
	}
	c.JSON(http.StatusOK, healthResponse{Status: "ok"})
	return nil
}
