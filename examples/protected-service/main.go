// Command protected-service is an API of your own beside Latchkey: it answers to whoever presents an access token that
// Latchkey signed, and never asks Latchkey about a single request.
package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	issuer := cmp.Or(os.Getenv("LATCHKEY_ISSUER"), "http://localhost:8080")
	verifier := NewVerifier(VerifierOptions{
		Issuer:   issuer,
		Audience: cmp.Or(os.Getenv("AUDIENCE"), issuer),
		Refresh:  5 * time.Minute, // the max-age of Latchkey's answers
		Now:      time.Now,
	})
	go verifier.Run(ctx)
	addr := cmp.Or(os.Getenv("ADDR"), "127.0.0.1:9090")
	if err := serve(ctx, addr, newEngine(verifier)); err != nil {
		slog.Error("the service ends", "error", err)
		os.Exit(1)
	}
}

// serve answers at addr until ctx ends, and then finishes the requests under way.
func serve(ctx context.Context, addr string, handler http.Handler) error {
	server := &http.Server{Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	drained := make(chan error, 1)
	go func() {
		<-ctx.Done()
		bounded, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		drained <- server.Shutdown(bounded)
	}()
	slog.Info("listening", "url", "http://"+addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-drained
}

// newEngine is the service: every route wants a valid token, and some a role.
func newEngine(verifier *Verifier) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(gin.Recovery(), Authenticate(verifier))
	engine.GET("/hello", hello)
	engine.GET("/staff", RequireRole("staff"), hello)
	return engine
}

type helloResponse struct {
	Subject string   `json:"sub"` // the id of the user, the same for ever
	Roles   []string `json:"roles"`
}

func hello(c *gin.Context) {
	user := User(c)
	c.JSON(http.StatusOK, helloResponse{Subject: user.Subject, Roles: append([]string{}, user.Roles...)})
}
