// Command protected-service is an API of your own beside Latchkey: it serves requests that carry an access token signed by
// Latchkey, and verifies them without a call to Latchkey.
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
		Refresh:  5 * time.Minute, // the max-age of Latchkey's key set
		Now:      time.Now,
	})
	go verifier.Run(ctx)
	addr := cmp.Or(os.Getenv("ADDR"), "127.0.0.1:9090")
	if err := serve(ctx, addr, newEngine(verifier)); err != nil {
		slog.Error("the service failed", "error", err)
		os.Exit(1)
	}
}

// serve serves requests at addr until ctx ends, and then waits up to ten seconds for running ones.
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

// newEngine returns the service's routes, all of which require a valid token, and some also a role.
func newEngine(verifier *Verifier) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.Use(gin.Recovery(), Authenticate(verifier))
	engine.GET("/hello", hello)
	engine.GET("/staff", RequireRole("staff"), hello)
	return engine
}

type helloResponse struct {
	Subject string   `json:"sub"` // the user's id, which never changes
	Roles   []string `json:"roles"`
}

func hello(c *gin.Context) {
	user := User(c)
	c.JSON(http.StatusOK, helloResponse{Subject: user.Subject, Roles: append([]string{}, user.Roles...)})
}
