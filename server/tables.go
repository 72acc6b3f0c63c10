package server

import (
	"latchkey/models"
	"latchkey/models/keys"
)

// Tables returns a zero value of every stored model, in an order in which their tables can be created. The migrations are
// compared with it.
func Tables() []any { return append(models.All(), keys.All()...) }
