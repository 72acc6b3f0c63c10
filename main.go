// Latchkey is a user-authentication service: accounts, passwords, sessions and JSON Web Tokens.
package main

import (
	"os"
	_ "time/tzdata" // time zones of users, on systems without their own

	"latchkey/commands"
)

func main() {
	os.Exit(commands.Run(os.Args[1:], os.Environ(), os.Stdin, os.Stdout, os.Stderr))
}
