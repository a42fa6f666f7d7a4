package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/party"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

func TestREADMEShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(program), "package main")
	if !strings.Contains(string(readme), "package main"+code) {
		t.Error("README.md does not contain this program from its package clause on: copy it there")
	}
}

func TestFourthPlayerIsRefusedByTheLobby(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	srv := newServer(&pragma.Config{}, filepath.Join(t.TempDir(), "hello.db"))
	srv.Logger = slog.New(slog.DiscardHandler)
	srv.Listen = func(context.Context, pragma.Gateway, string) (net.Listener, error) {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	ready := make(chan pragma.Addresses, 1)
	srv.Ready = func(a pragma.Addresses) { ready <- a }
	done := make(chan error, 1)
	go func() { done <- srv.Run(ctx) }()
	defer func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	addresses := <-ready
	opts := client.Options{
		Game:   addresses[pragma.Gateway{Backend: pragma.Game, Type: pragma.Player}],
		Social: addresses[pragma.Gateway{Backend: pragma.Social, Type: pragma.Player}],
	}
	code := ""
	for _, name := range []string{"ada", "ben", "cora", "dan"} {
		p, err := client.LogIn(ctx, opts, client.Unsafe(name, name))
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		switch {
		case code == "":
			created, err := p.Party.Create(ctx, client.CreateParty{})
			if err != nil {
				t.Fatal(err)
			}
			code = created.InviteCode
		case name != "dan":
			if _, err := p.Party.JoinWithInviteCode(ctx, code, ext.Value{}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		default:
			if _, err := p.Party.JoinWithInviteCode(ctx, code, ext.Value{}); !errors.Is(err, party.ErrFull) {
				t.Errorf("the fourth got %v, want party.ErrFull", err)
			}
		}
	}
}
