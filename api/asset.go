package api

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gin-gonic/gin"
)

// asset is a public document that browsers may cache but have to revalidate each time. A large one has two representations.
type asset struct {
	plain   func() (representation, error)
	gzipped func() (representation, error) // nil for a small one
}

type representation struct {
	content []byte
	tag     string // the strong entity tag of content (RFC 9110, section 8.8.3)
}

// compressible returns an asset that is also served compressed. It asks for the content once, on the first request.
func compressible(content func() ([]byte, error)) asset {
	once := sync.OnceValues(content)
	return asset{plain: represent(once), gzipped: represent(func() ([]byte, error) {
		plain, err := once()
		if err != nil {
			return nil, err
		}
		return compress(plain)
	})}
}

// represent returns a function that builds a representation on its first call.
func represent(content func() ([]byte, error)) func() (representation, error) {
	return sync.OnceValues(func() (representation, error) {
		made, err := content()
		return representation{made, fmt.Sprintf(`"%x"`, sha256.Sum256(made))}, err
	})
}

func decompress(content []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// compress returns content compressed as well as gzip can.
func compress(content []byte) ([]byte, error) {
	var compressed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&compressed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err = writer.Write(content); err == nil {
		err = writer.Close()
	}
	return compressed.Bytes(), err
}

// serve writes the representation that the client accepts, or 304 if it has that already. The type of the content is that of the
// header, or else of the name.
func (a asset) serve(c *gin.Context, name string) {
	isCompressed := a.gzipped != nil && acceptsGzip(c.Request.Header.Values("Accept-Encoding"))
	chosen := a.plain
	if isCompressed {
		chosen = a.gzipped
	}
	sent, err := chosen()
	if err != nil {
		_ = c.Error(err)
		return
	}
	if a.gzipped != nil {
		c.Writer.Header().Add("Vary", "Accept-Encoding")
	}
	if isCompressed {
		c.Header("Content-Encoding", "gzip")
	}
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
