package api

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/gin-gonic/gin"
)

//go:embed docs/index.html docs/initializer.js docs/swagger-ui
var docs embed.FS

// docsPolicy lets the docs page run its own scripts and call this server, and nothing else. Swagger UI's style sheet has
// its pictures in itself.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Docs serves the page that shows the contract and tries its operations: Swagger UI, which asks no other host.
type Docs struct {
	files    map[string]docsFile
	notFound gin.HandlerFunc
}

type docsFile struct {
	content []byte
	tag     string // of exactly this content (RFC 9110, section 8.8.3)
}

// NewDocs reads the page's files, which are part of the program. notFound answers for a file that is not one of them.
func NewDocs(notFound gin.HandlerFunc) (*Docs, error) {
	page := &Docs{files: map[string]docsFile{}, notFound: notFound}
	err := fs.WalkDir(docs, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := docs.ReadFile(name)
		page.files[path.Base(name)] = docsFile{content: content, tag: fmt.Sprintf(`"%x"`, sha256.Sum256(content))}
		return err
	})
	return page, err
}

// Page answers the page itself.
func (d *Docs) Page(c *gin.Context) {
	c.Header("Content-Security-Policy", docsPolicy)
	d.serve(c, "index.html")
}

// File answers one of the page's files, by its name.
func (d *Docs) File(c *gin.Context) { d.serve(c, c.Param("file")) }

// serve lets browsers keep a file and ask each time whether it is still the same.
func (d *Docs) serve(c *gin.Context, name string) {
	file, known := d.files[name]
	if !known {
		d.notFound(c)
		return
	}
	c.Header("Cache-Control", "no-cache")
	c.Header("ETag", file.tag)
	http.ServeContent(c.Writer, c.Request, name, time.Time{}, bytes.NewReader(file.content))
}
