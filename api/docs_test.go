package api_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/stretchr/testify/require"

	"latchkey/api"
)

const swaggerUI = "docs/swagger-ui"

// The embedded Swagger UI is byte for byte that of npm: api/docs/refresh writes the checksums and then compresses the files.
func TestSwaggerUI_IsUnchanged(t *testing.T) {
	sums, err := os.Open(filepath.Join(swaggerUI, "SHA256SUMS"))
	require.NoError(t, err)
	defer sums.Close()
	listed := map[string]bool{"SHA256SUMS": true}
	for lines := bufio.NewScanner(sums); lines.Scan(); {
		sum, name, _ := strings.Cut(lines.Text(), "  ")
		require.Equal(t, sum, fmt.Sprintf("%x", sha256.Sum256(original(t, name))), name)
		listed[name] = true
	}
	require.Greater(t, len(listed), 5)
	entries, err := os.ReadDir(swaggerUI)
	require.NoError(t, err)
	for _, entry := range entries {
		require.True(t, listed[strings.TrimSuffix(entry.Name(), ".gz")], "%s is not in SHA256SUMS", entry.Name())
	}
}

// original returns a file as it is on npm, whether it is stored compressed or not.
func original(t *testing.T, name string) []byte {
	t.Helper()
	path := filepath.Join(swaggerUI, name)
	content, err := os.ReadFile(path)
	if err == nil {
		require.NoFileExists(t, path+".gz", "one of the two is never served")
		return content
	}
	content, err = os.ReadFile(path + ".gz")
	require.NoError(t, err)
	return decompressed(t, content)
}

func decompressed(t *testing.T, content []byte) []byte {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	plain, err := io.ReadAll(reader)
	require.NoError(t, err)
	return plain
}

func TestDocs_CompressesForClientsThatAcceptIt(t *testing.T) {
	gin.SetMode(gin.ReleaseMode)
	docs, err := api.NewDocs(func(c *gin.Context) { c.Status(http.StatusNotFound) })
	require.NoError(t, err)
	engine := gin.New()
	engine.GET("/docs/:file", docs.File)
	get := func(name string, headers ...string) *httptest.ResponseRecorder {
		request := httptest.NewRequest(http.MethodGet, "/docs/"+name, nil)
		for i := 0; i < len(headers); i += 2 {
			request.Header.Add(headers[i], headers[i+1])
		}
		recorder := httptest.NewRecorder()
		engine.ServeHTTP(recorder, request)
		return recorder
	}
	const bundle = "swagger-ui-bundle.js"
	want := original(t, bundle)
	for accepted, compressed := range map[string]bool{
		"gzip": true, "gzip, deflate, br, zstd": true, "deflate;q=1, GZIP;q=0.1": true, "*": true, "br, *;q=0.5": true,
		"": false, "identity": false, "br": false, "gzip;q=0": false, "gzip;q=0.000, *": false, "*;q=0": false,
		"gzip;q=x": false, "gzip; q=-1": false, "gzip;q=NaN": false, "gzipped": false,
	} {
		answer := get(bundle, "Accept-Encoding", accepted)
		require.Equal(t, http.StatusOK, answer.Code, accepted)
		require.Equal(t, "text/javascript; charset=utf-8", answer.Header().Get("Content-Type"), accepted)
		require.Equal(t, "Accept-Encoding", answer.Header().Get("Vary"), accepted)
		body := answer.Body.Bytes()
		if compressed {
			require.Equal(t, "gzip", answer.Header().Get("Content-Encoding"), accepted)
			require.Less(t, len(body), len(want)/3, accepted)
			body = decompressed(t, body)
		}
		require.Equal(t, compressed, answer.Header().Get("Content-Encoding") != "", accepted)
		require.True(t, bytes.Equal(want, body), accepted)
	}

	gzipTag := get(bundle, "Accept-Encoding", "gzip").Header().Get("ETag")
	plainTag := get(bundle).Header().Get("ETag")
	require.NotEqual(t, gzipTag, plainTag, "two representations")
	require.Equal(t, http.StatusNotModified, get(bundle, "Accept-Encoding", "gzip", "If-None-Match", gzipTag).Code)
	require.Equal(t, http.StatusNotModified, get(bundle, "If-None-Match", plainTag).Code)
	require.Equal(t, http.StatusOK, get(bundle, "If-None-Match", gzipTag).Code)
	require.Empty(t, get("initializer.js", "Accept-Encoding", "gzip").Header().Get("Content-Encoding"), "it is small")
	require.Equal(t, http.StatusNotFound, get(bundle+".gz").Code)
}
