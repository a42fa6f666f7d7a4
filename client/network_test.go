package client_test

import (
	"net"
	"net/http"
	"testing"

	"github.com/openpragma/engine/client"
)

// TestRealSocketsAndASharedHTTPClient is the one test outside virtual time.
func TestRealSocketsAndASharedHTTPClient(t *testing.T) {
	f := newFake(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f.wg.Go(func() { _ = f.http.Serve(listener) })
	f.on("PartyRpc.CreateV1", answer(`{"party":`+party(partyA, 1)+`}`))
	shared := &http.Client{Transport: &http.Transport{}}
	defer shared.CloseIdleConnections()
	for name, web := range map[string]*http.Client{"own": nil, "shared": shared} {
		t.Run(name, func(t *testing.T) {
			addr := listener.Addr().String()
			opts := client.Options{Game: addr, Social: addr, HTTPClient: web}
			for range 3 {
				p, err := client.LogIn(t.Context(), opts, client.Unsafe("robin", "Robin"))
				if err != nil {
					t.Fatal(err)
				}
				defer p.Close()
				if _, err := p.Party.Create(t.Context(), client.CreateParty{}); err != nil {
					t.Error(err)
				}
				p.GameConn().Break()
				if err := p.LogOut(t.Context()); err == nil {
					t.Log("the break came too late to matter")
				}
			}
		})
	}
}
