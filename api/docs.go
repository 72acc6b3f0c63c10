package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

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
	files    map[string]docsFile
	notFound gin.HandlerFunc
}

// docsFile is a file of the page. The large ones are embedded compressed and have two representations.
type docsFile struct {
	plain   func() representation
	gzipped func() representation // nil for a small file
}

type representation struct {
	content []byte
	tag     string // the strong entity tag of content (RFC 9110, section 8.8.3)
}

// NewDocs returns Docs with the embedded files of the page. notFound handles requests for any other file.
func NewDocs(notFound gin.HandlerFunc) (*Docs, error) {
	page := &Docs{files: map[string]docsFile{}, notFound: notFound}
	err := fs.WalkDir(docs, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := docs.ReadFile(name)
		base, isGzipped := strings.CutSuffix(path.Base(name), ".gz")
		file := docsFile{plain: represent(func() []byte { return content })}
		if isGzipped {
			file.gzipped, file.plain = file.plain, represent(func() []byte { return decompress(content) })
		}
		page.files[base] = file
		return err
	})
	return page, err
}

// represent returns a function that builds a representation on its first call.
func represent(content func() []byte) func() representation {
	return sync.OnceValue(func() representation {
		made := content()
		return representation{made, fmt.Sprintf(`"%x"`, sha256.Sum256(made))}
	})
}

// decompress panics if content is corrupt: the program itself embeds it.
func decompress(content []byte) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		panic(err)
	}
	plain, err := io.ReadAll(reader)
	if err != nil {
		panic(err)
	}
	return plain
}

// Page serves the page itself.
func (d *Docs) Page(c *gin.Context) {
	c.Header("Content-Security-Policy", docsPolicy)
	d.serve(c, "index.html")
}

// File serves one of the page's files by its name.
func (d *Docs) File(c *gin.Context) { d.serve(c, c.Param("file")) }

// serve serves a file that browsers may cache but have to revalidate each time.
func (d *Docs) serve(c *gin.Context, name string) {
	file, known := d.files[name]
	if !known {
		d.notFound(c)
		return
	}
	chosen := file.plain
	if file.gzipped != nil {
		c.Writer.Header().Add("Vary", "Accept-Encoding")
		if acceptsGzip(c.Request.Header.Values("Accept-Encoding")) {
			c.Header("Content-Encoding", "gzip")
			chosen = file.gzipped
		}
	}
	sent := chosen()
	c.Header("Cache-Control", "no-cache")
	c.Header("ETag", sent.tag)
	http.ServeContent(c.Writer, c.Request, name, time.Time{}, bytes.NewReader(sent.content))
}

// acceptsGzip reports whether the Accept-Encoding of a request names gzip, or everything, with a weight above 0
// (RFC 9110, section 12.5.3). A request without the header accepts any coding, and gets the one that every client can read:
// not compressed.
func acceptsGzip(accepted []string) bool {
	gzipWeight, anyWeight := -1.0, -1.0
	for coding := range strings.SplitSeq(strings.Join(accepted, ","), ",") {
		name, parameter, _ := strings.Cut(coding, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			gzipWeight = weight(parameter)
		case "*":
			anyWeight = weight(parameter)
		}
	}
	if gzipWeight >= 0 {
		return gzipWeight > 0
	}
	return anyWeight > 0
}

// weight returns the weight of a coding (RFC 9110, section 12.4.2): 1 if the parameter is empty, 0 if it is invalid.
func weight(parameter string) float64 {
	parameter = strings.ToLower(strings.ReplaceAll(parameter, " ", ""))
	if parameter == "" {
		return 1
	}
	value, err := strconv.ParseFloat(strings.TrimPrefix(parameter, "q="), 64)
	if err != nil || !(value >= 0) {
		return 0
	}
	return value
}
