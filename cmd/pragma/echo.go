package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/coder/websocket"
)

// echoServer is what the socket library costs by itself: it sends every message
// back, and the body of a POST too. The gateways are measured against it.
type echoServer struct {
	address string

	http    *http.Server
	cut     context.CancelFunc
	serving sync.WaitGroup // the listener
	sockets sync.WaitGroup
}

func startEcho() (*echoServer, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	ctx, cut := context.WithCancel(context.Background())
	e := &echoServer{address: l.Addr().String(), cut: cut}
	e.http = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.sockets.Add(1)
		defer e.sockets.Done()
		echo(ctx, w, r)
	})}
	e.serving.Go(func() { _ = e.http.Serve(l) }) // ends with ErrServerClosed
	return e, nil
}

func echo(ctx context.Context, w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err == nil {
			_, _ = w.Write(body)
		}
		return
	}
	ws, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer ws.CloseNow()
	stop := context.AfterFunc(ctx, func() { _ = ws.CloseNow() })
	defer stop()
	for {
		typ, data, err := ws.Read(context.Background())
		if err != nil {
			return
		}
		if err := ws.Write(context.Background(), typ, data); err != nil {
			return
		}
	}
}

// stop cuts all sockets and waits for them.
func (e *echoServer) stop() {
	e.cut()
	_ = e.http.Close()
	e.serving.Wait()
	e.sockets.Wait()
}
