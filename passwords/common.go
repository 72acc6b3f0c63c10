package passwords

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
)

//go:embed wordlist/common-passwords.txt.gz
var commonPasswordsGzip []byte

// commonPasswords reads Django's list of 20,000, all in lower case. The list is part of the program, so a fault in it
// is one of the program's.
func commonPasswords() map[string]struct{} {
	unzipped, err := gzip.NewReader(bytes.NewReader(commonPasswordsGzip))
	if err != nil {
		panic(err)
	}
	common := make(map[string]struct{}, 20_000)
	lines := bufio.NewScanner(unzipped)
	for lines.Scan() {
		common[lines.Text()] = struct{}{}
	}
	if err := lines.Err(); err != nil {
		panic(err)
	}
	return common
}
