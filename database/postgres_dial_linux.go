package database

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// limitUnacknowledged bounds how long sent data may stay unacknowledged (tcp(7), TCP_USER_TIMEOUT). The kernel's own bound is
// about 15 minutes.
func limitUnacknowledged(network, _ string, conn syscall.RawConn) (err error) {
	if network == "unix" {
		return nil
	}
	control := conn.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(deadPeer.Milliseconds()))
	})
	return errors.Join(err, control)
}
