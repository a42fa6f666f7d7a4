//go:build !unix

package postgres

import "net"

// quiet cannot look here: a connection that has ended is found out by using it.
func quiet(net.Conn) bool { return true }
