package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"

	"github.com/coder/websocket"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	gorilla "github.com/gorilla/websocket"
	"github.com/lxzan/gws"
)

// A library is one candidate: its name and a handler which echoes messages.
type library struct {
	name string
	echo http.Handler
}

// libraries returns the candidates, each used the way its README suggests: one
// goroutine per connection, no compression, default buffers. The chosen one
// appears a second time, used with care.
func libraries() []library {
	return []library{
		{name: "coder", echo: http.HandlerFunc(echoCoder)},
		{name: "tuned", echo: http.HandlerFunc(echoCoderTuned)},
		{name: "gorilla", echo: http.HandlerFunc(echoGorilla)},
		{name: "gws", echo: http.HandlerFunc(echoGWS)},
		{name: "gobwas", echo: http.HandlerFunc(echoGobwas)},
	}
}

func libraryNamed(name string) (library, error) {
	libs := libraries()
	i := slices.IndexFunc(libs, func(l library) bool { return l.name == name })
	if i < 0 {
		return library{}, fmt.Errorf("no library named %q", name)
	}
	return libs[i], nil
}

func echoCoder(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	ctx := r.Context()
	for {
		kind, p, err := c.Read(ctx)
		if err != nil {
			return
		}
		if err := c.Write(ctx, kind, p); err != nil {
			return
		}
	}
}

// echoCoderTuned is echoCoder with the three measures ADR 5 names: buffers of
// our size instead of those of the HTTP server, a goroutine that does not keep
// the request alive, and a message buffer that is used again.
func echoCoderTuned(w http.ResponseWriter, r *http.Request) {
	c, err := websocket.Accept(smallBuffers{w}, r, nil)
	if err != nil {
		return
	}
	go func() {
		defer c.CloseNow()
		echoReused(c)
	}()
}

func echoReused(c *websocket.Conn) {
	ctx := context.Background()
	var buf bytes.Buffer
	for {
		kind, r, err := c.Reader(ctx)
		if err != nil {
			return
		}
		buf.Reset()
		if _, err := buf.ReadFrom(r); err != nil {
			return
		}
		if err := c.Write(ctx, kind, buf.Bytes()); err != nil {
			return
		}
	}
}

// smallBuffers replaces the 4 KiB buffers that a hijacked connection brings.
type smallBuffers struct{ http.ResponseWriter }

func (w smallBuffers) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, old, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if old.Reader.Buffered() > 0 {
		return conn, old, nil // the client did not wait for the handshake
	}
	small := bufio.NewReadWriter(bufio.NewReaderSize(conn, 512), bufio.NewWriterSize(conn, 512))
	return conn, small, nil
}

func echoGorilla(w http.ResponseWriter, r *http.Request) {
	c, err := (&gorilla.Upgrader{}).Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		kind, p, err := c.ReadMessage()
		if err != nil {
			return
		}
		if err := c.WriteMessage(kind, p); err != nil {
			return
		}
	}
}

type gwsEcho struct{ gws.BuiltinEventHandler }

func (gwsEcho) OnMessage(c *gws.Conn, m *gws.Message) {
	defer m.Close()
	_ = c.WriteMessage(m.Opcode, m.Bytes())
}

func echoGWS(w http.ResponseWriter, r *http.Request) {
	c, err := gws.NewUpgrader(gwsEcho{}, nil).Upgrade(w, r)
	if err != nil {
		return
	}
	c.ReadLoop()
}

func echoGobwas(w http.ResponseWriter, r *http.Request) {
	c, _, _, err := ws.UpgradeHTTP(r, w)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		p, op, err := wsutil.ReadClientData(c)
		if err != nil {
			return
		}
		if err := wsutil.WriteServerMessage(c, op, p); err != nil {
			return
		}
	}
}
