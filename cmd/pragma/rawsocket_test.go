package main

import (
	"context"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/wire"
)

func TestRawSocketCallsAndReportsRefusals(t *testing.T) {
	srv := started(t)
	players, err := logInAll(t.Context(), srv.addresses, 1)
	if err != nil {
		t.Fatal(err)
	}
	s, err := dialRaw(t.Context(), srv.addresses[gamePlayers], players[0].game)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	var made wire.PartyResponse
	if err := s.call("PartyRpc.CreateV1", nil, &made); err != nil || made.Party == nil {
		t.Errorf("create a party: %v, %+v", err, made)
	}
	if err := s.call("PlayerSessionRpc.HeartbeatV1", nil, nil); err != nil {
		t.Errorf("heartbeat: %v", err)
	}
	unknown := &wire.PartyJoinWithInviteCodeV1Request{InviteCode: "?"}
	if err := s.call("PartyRpc.JoinWithInviteCodeV1", unknown, nil); err == nil || !contains(err, "call PartyRpc.JoinWithInviteCodeV1: refused") {
		t.Errorf("join with a code that cannot be: %v, want a refusal", err)
	}
	s.close()
	if err := s.call("PlayerSessionRpc.HeartbeatV1", nil, nil); err == nil {
		t.Error("a closed socket still answers")
	}
}

func TestRawSocketIsCutWhenItsContextEnds(t *testing.T) {
	e, err := startEcho()
	if err != nil {
		t.Fatal(err)
	}
	defer e.stop()
	ctx, cancel := context.WithCancel(t.Context())
	s, err := dialRaw(ctx, e.address, "")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	cancel()
	if frame, err := s.read(); err == nil {
		t.Errorf("read() = %q after the end", frame)
	}
}

func TestEchoSendsBackWhatItGets(t *testing.T) {
	e, err := startEcho()
	if err != nil {
		t.Fatal(err)
	}
	defer e.stop()
	sockets, err := dialAll(t.Context(), e.address, make([]string, 3))
	defer closeAll(sockets)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sockets {
		for _, text := range []string{"a", strings.Repeat("long ", 1000), ""} {
			if err := s.write([]byte(text)); err != nil {
				t.Fatal(err)
			}
			if got, err := s.read(); err != nil || string(got) != text {
				t.Errorf("read() = %q, %v, want %q", got, err, text)
			}
		}
	}
}

func TestBadTokensOpenNothing(t *testing.T) {
	srv := started(t)
	sockets, err := dialAll(t.Context(), srv.addresses[gamePlayers], []string{"not a token"})
	if err == nil || !contains(err, "open a socket to "+srv.addresses[gamePlayers]) {
		t.Errorf("dialAll() = %v, want a refusal", err)
	}
	if len(sockets) != 0 {
		t.Errorf("%d sockets are open", len(sockets))
	}
}

func TestLogInNamesTheRefusal(t *testing.T) {
	srv := started(t)
	_, err := each(1, 1, func(int) (tokens, error) {
		return logIn(t.Context(), testClient(t), srv.addresses, strings.Repeat("x", 200)) // too long for an account id
	})
	if err == nil || !contains(err, "log xxx") {
		t.Errorf("logIn() = %v, want a refusal", err)
	}
}
