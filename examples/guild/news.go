package main

import (
	"context"
	"sync/atomic"

	"github.com/openpragma/engine/pragma"
)

// news is a second service, on the Social backend: operators write a message of
// the day, players read it.
type news struct{ text atomic.Pointer[string] }

type (
	ReadRequest  struct{}
	ReadResponse struct {
		Text string `json:"text"`
	}
	WriteRequest = ReadResponse
)

func (*news) Name() string { return "NewsRpc" }

func (n *news) Mount(m *pragma.Mount) error {
	n.text.Store(new(string))
	pragma.HandlePlayer(m, "ReadV1", func(context.Context, *pragma.PlayerSession, *ReadRequest) (*ReadResponse, error) {
		return &ReadResponse{*n.text.Load()}, nil
	})
	pragma.HandleOperator(m, "WriteOperatorV1", func(ctx context.Context, o *pragma.OperatorSession, req *WriteRequest) (*ReadResponse, error) {
		if err := m.Audit(ctx, o, "write the news"); err != nil {
			return nil, err
		}
		n.text.Store(&req.Text)
		return nil, nil
	})
	return nil
}
