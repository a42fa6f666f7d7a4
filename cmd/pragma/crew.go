package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/ext"
)

// membersPerParty is the documented size of a party.
const membersPerParty = 4

// receiptTimeout ends a benchmark in which an update does not reach everybody.
const receiptTimeout = 20 * time.Second

// crew is a party and its members' sockets. The first is the leader's.
type crew struct {
	sockets  []*rawSocket
	frame    []byte // the leader's update
	receipts chan receipt
	over     chan struct{} // closed when nobody wants receipts any more
	reading  sync.WaitGroup
}

// receipt is one member's knowledge of a version, or why there will be none.
type receipt struct {
	version int64
	at      time.Time
	err     error
}

// muster makes n parties of so many members. Those that were made are returned
// with the error.
func muster(ctx context.Context, a pragma.Addresses, n, members int) ([]*crew, error) {
	players, err := logInAll(ctx, a, n*members)
	if err != nil {
		return nil, err
	}
	sockets, err := dialAll(ctx, a[gamePlayers], gameTokens(players))
	if err != nil {
		closeAll(sockets)
		return nil, err
	}
	crews, err := each(dialers, n, func(i int) (*crew, error) {
		c := &crew{
			sockets:  sockets[i*members : (i+1)*members],
			receipts: make(chan receipt, members),
			over:     make(chan struct{}),
		}
		return c, c.gather()
	})
	if err != nil {
		closeAll(sockets)
		return nil, err
	}
	for _, c := range crews {
		for _, s := range c.sockets {
			c.reading.Go(func() { c.read(s) })
		}
	}
	return crews, nil
}

// gather makes the party, and waits until every member has seen it complete.
func (c *crew) gather() error {
	var party wire.PartyResponse
	if err := c.sockets[0].call("PartyRpc.CreateV1", nil, &party); err != nil {
		return err
	}
	code := party.Party.InviteCode
	for _, s := range c.sockets[1:] {
		err := s.call("PartyRpc.JoinWithInviteCodeV1", &wire.PartyJoinWithInviteCodeV1Request{InviteCode: code}, &party)
		if err != nil {
			return err
		}
	}
	for _, s := range c.sockets[:len(c.sockets)-1] { // the last one's answer is the newest there is
		for seen := int64(0); seen < int64(party.Party.Version); {
			text, err := s.read()
			if err != nil {
				return fmt.Errorf("wait for the party to be complete: %w", err)
			}
			if v, ok := partyVersion(text); ok {
				seen = v
			}
		}
	}
	var err error
	c.frame, err = wire.AppendRequest(nil, 7, "PartyRpc.UpdatePartyV1Request", &wire.PartyUpdatePartyV1Request{
		RequestExt: ext.Of(map[string]string{"mode": "duel", "map": "harbour"}),
	})
	return err
}

// read reports every version that a member is told of, until his socket ends.
func (c *crew) read(s *rawSocket) {
	for {
		text, err := s.read()
		r := receipt{at: time.Now(), err: err}
		if err == nil {
			var ok bool
			if r.version, ok = partyVersion(text); !ok && bytes.Contains(text, []byte(`"serviceError"`)) {
				r.err = fmt.Errorf("update refused: %s", text)
			} else if !ok {
				continue
			}
		}
		select {
		case c.receipts <- r:
		case <-c.over:
			return
		}
		if r.err != nil {
			return
		}
	}
}

// updates makes updates until the end, the first at begin, and returns how long
// each took from when it was due. Without a pace the next is due at once.
func (c *crew) updates(ctx context.Context, begin, end time.Time, pace time.Duration) (times []time.Duration, err error) {
	for due := begin; len(times) == 0 || due.Before(end); due = due.Add(pace) {
		if pace == 0 {
			due = time.Now()
		} else if err := sleepUntil(ctx, due); err != nil {
			return nil, err
		}
		last, err := c.update(ctx)
		if err != nil {
			return nil, err
		}
		times = append(times, last.Sub(due))
	}
	return times, nil
}

func sleepUntil(ctx context.Context, t time.Time) error {
	select {
	case <-time.After(time.Until(t)):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// update makes one update and returns when the last member knew of it.
func (c *crew) update(ctx context.Context) (last time.Time, err error) {
	if err := c.sockets[0].write(c.frame); err != nil {
		return last, err
	}
	timeout := time.NewTimer(receiptTimeout)
	defer timeout.Stop()
	var version int64
	for range c.sockets {
		select {
		case r := <-c.receipts:
			if r.err != nil {
				return last, r.err
			}
			if version != 0 && r.version != version {
				return last, fmt.Errorf("one member was told of version %d, another of %d", version, r.version)
			}
			version, last = r.version, r.at
		case <-timeout.C:
			return last, errors.New("an update did not reach every member")
		case <-ctx.Done():
			return last, context.Cause(ctx)
		}
	}
	return last, nil
}

// disband closes the sockets and waits for their readers.
func disband(crews []*crew) {
	for _, c := range crews {
		close(c.over)
		closeAll(c.sockets)
	}
	for _, c := range crews {
		c.reading.Wait()
	}
}

// partyVersion finds the version of the party in an answer or a notification. It
// looks for the member's name alone: decoding every frame would be measured too.
func partyVersion(text []byte) (int64, bool) {
	const name = `"version":"`
	i := bytes.LastIndex(text, []byte(name))
	if i < 0 {
		return 0, false
	}
	digits, _, ok := bytes.Cut(text[i+len(name):], []byte{'"'})
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseInt(string(digits), 10, 64)
	return v, err == nil
}
