package api

import (
	"embed"
	"io/fs"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
)

//go:embed docs/index.html docs/initializer.js docs/swagger-ui
var docs embed.FS

// docsPolicy is the Content-Security-Policy of the docs page: it may run its own scripts and call this server, and nothing
// else. The images are data URLs in Swagger UI's style sheet.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Docs serves the page that shows the contract and lets people try its operations: Swagger UI, which loads nothing from
// other hosts.
type Docs struct {
	files    map[string]asset
	notFound gin.HandlerFunc
}

// NewDocs returns Docs with the embedded files of the page. notFound handles requests for any other file.
func NewDocs(notFound gin.HandlerFunc) (*Docs, error) {
	page := &Docs{files: map[string]asset{}, notFound: notFound}
	err := fs.WalkDir(docs, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := docs.ReadFile(name)
		base, isGzipped := strings.CutSuffix(path.Base(name), ".gz")
		file := asset{plain: represent(func() ([]byte, error) { return content, nil })}
		if isGzipped {
			file.gzipped, file.plain = file.plain, represent(func() ([]byte, error) { return decompress(content) })
		}
		page.files[base] = file
		return err
	})
	return page, err
}

// Page serves the page itself.
func (d *Docs) Page(c *gin.Context) {
	c.Header("Content-Security-Policy", docsPolicy)
	d.serve(c, "index.html")
}

// File serves one of the page's files by its name.
func (d *Docs) File(c *gin.Context) { d.serve(c, c.Param("file")) }

func (d *Docs) serve(c *gin.Context, name string) {
	file, known := d.files[name]
	if !known {
		d.notFound(c)
		return
	}
	file.serve(c, name)
}
