package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// frameSize is the length of the text the client sends, a typical small call.
const frameSize = 150

// A client is the least WebSocket client that can echo one text of frameSize
// bytes. It is the same for every library and allocates nothing per round trip,
// so that the differences measured are the server's.
type client struct {
	conn net.Conn
	r    *bufio.Reader
	out  []byte // a whole masked frame
	in   []byte // room for the answer
}

func dial(addr string) (*client, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", addr, err)
	}
	c := &client{conn: conn, r: bufio.NewReaderSize(conn, 512), in: make([]byte, frameSize+4)}
	if err := c.handshake(addr); err != nil {
		conn.Close()
		return nil, err
	}
	c.out = maskedText(bytes.Repeat([]byte("a"), frameSize))
	return c, nil
}

func (c *client) handshake(addr string) error {
	_, err := fmt.Fprintf(c.conn, "GET / HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", addr)
	if err != nil {
		return fmt.Errorf("send handshake: %w", err)
	}
	resp, err := http.ReadResponse(c.r, nil)
	if err != nil {
		return fmt.Errorf("read handshake: %w", err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Errorf("handshake answered with %s", resp.Status)
	}
	return nil
}

// maskedText returns p (126 to 65535 bytes) as one final text frame of a client.
func maskedText(p []byte) []byte {
	mask := [4]byte{1, 2, 3, 4}
	frame := []byte{0x81, 0x80 | 126, byte(len(p) >> 8), byte(len(p))}
	frame = append(frame, mask[:]...)
	for i, b := range p {
		frame = append(frame, b^mask[i%4])
	}
	return frame
}

func (c *client) roundTrip() error {
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	if _, err := io.ReadFull(c.r, c.in); err != nil {
		return err
	}
	if c.in[0] != 0x81 || c.in[1] != 126 || c.in[4] != 'a' {
		return errors.New("the answer is not the text that was sent")
	}
	return nil
}

func (c *client) close() { _ = c.conn.Close() }
