// Protected-service is a small API that only lets in who has an access token of Latchkey. It verifies the tokens by
// itself, with the public keys that Latchkey publishes: no request of its own goes to Latchkey or to a database.
package main

import (
	"cmp"
	"context"
	"log"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/gin-gonic/gin"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	issuer := cmp.Or(os.Getenv("LATCHKEY_ISSUER"), "http://localhost:8080")
	verifier, err := NewVerifier(ctx, issuer, cmp.Or(os.Getenv("AUDIENCE"), issuer), 5*time.Minute)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{
		Addr: cmp.Or(os.Getenv("ADDR"), "127.0.0.1:9090"), Handler: newEngine(verifier), ReadHeaderTimeout: 5 * time.Second,
	}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	log.Printf("listening at http://%s, for tokens of %s", server.Addr, issuer)
	log.Print(server.ListenAndServe())
}

func newEngine(verifier *Verifier) *gin.Engine {
	engine := gin.New()
	api := engine.Group("", verifier.Authenticate)
	api.GET("/hello", func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"hello": claims(c).Subject}) })
	api.GET("/staff", RequireRole("staff"), func(c *gin.Context) { c.JSON(http.StatusOK, gin.H{"secret": "the staff's"}) })
	return engine
}
