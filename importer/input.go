package importer

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// inUTF8 returns a text as UTF-8 without a byte order mark: one that begins with a mark of UTF-16, as Windows PowerShell writes
// whatever is redirected to a file, is decoded, and one that gzip compressed is decompressed.
func inUTF8(input io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(input)
	if start, _ := buffered.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		decompressed, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("decompress the input: %w", err)
		}
		buffered = bufio.NewReader(decompressed)
	}
	return transform.NewReader(buffered, unicode.BOMOverride(encoding.Nop.NewDecoder())), nil
}
