package database

import (
	"net"
	"time"
)

// deadPeer is how long a connection lives on whose other end no longer acknowledges anything.
const deadPeer = 10 * time.Second

// dialer returns the dialer of connections to PostgreSQL. They end when the other end is gone without a word, whether this end
// waits for a response or for an acknowledgement of what it sent.
func dialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 4 * time.Second, Interval: 2 * time.Second, Count: 3},
		Control:         limitUnacknowledged,
	}
}
