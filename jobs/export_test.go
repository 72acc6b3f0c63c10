package jobs

import (
	"log/slog"
	"sync"
)

// NewWarnings returns the handler of River's log.
func NewWarnings(handler slog.Handler) slog.Handler { return warnings{handler, &sync.Map{}} }
