package pragma

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma/cluster"
)

// Notice is a registered kind of notification with payload T. Make one while
// mounting, with [PlayerNotice] or [PartnerNotice].
type Notice[T any] struct{ typ string }

// PlayerNotice registers a notification to players, such as
// "PartyDetailsV1Notification"; the service name is put in front unless the
// name has a dot.
func PlayerNotice[T any](m *Mount, name string) Notice[T] { return notice[T](m, Player, name) }

// PartnerNotice registers a notification to trusted servers.
func PartnerNotice[T any](m *Mount, name string) Notice[T] { return notice[T](m, Partner, name) }

func notice[T any](m *Mount, t SessionType, name string) Notice[T] {
	if !noticeName.MatchString(name) {
		m.Problem(fmt.Errorf("notification %q must be named like ScoredV1Notification", name))
	}
	checkMessage[T](m, name)
	typ := qualified(m.service, name)
	if _, taken := m.side.notices[typ]; taken {
		m.Problem(fmt.Errorf("notification %s is registered twice", typ))
	}
	m.side.notices[typ] = t
	return Notice[T]{typ}
}

// Of encodes a notification. Send the same value to everybody who gets the same
// payload: it is encoded once here, not once per receiver. A payload that cannot
// be encoded is logged when the notification is sent.
func (n Notice[T]) Of(payload *T) *Notification {
	body, err := wire.AppendNotification(nil, n.typ, payload)
	return &Notification{typ: n.typ, body: body, err: err}
}

// Notification is an encoded message without a receiver. It is immutable.
type Notification struct {
	typ  string
	body []byte
	err  error

	beforeAnswer bool
	session      SessionID // zero: whichever
	allocation   bool      // the receivers are allocations
}

// ForSession returns a copy that reaches a player only in this session, and is
// dropped in an earlier or later one: for what only makes sense beside other
// notifications of the same session. The zero session means any. It is not kept
// by MarshalJSON.
func (n *Notification) ForSession(id SessionID) *Notification {
	c := *n
	c.session = id
	return &c
}

// BeforeAnswer returns a copy that does not wait for the answer of a call that
// runs: for the few messages that are documented to come first, such as the
// removal from a party by joining another one.
func (n *Notification) BeforeAnswer() *Notification {
	c := *n
	c.beforeAnswer = true
	return &c
}

// Type returns the full type, such as PartyRpc.PartyDetailsV1Notification.
func (n *Notification) Type() string { return n.typ }

// MarshalJSON encodes the notification with its payload, to be kept and sent
// later.
func (n *Notification) MarshalJSON() ([]byte, error) {
	if n.err != nil {
		return nil, n.err
	}
	return slices.Concat([]byte("{"), n.body, []byte("}")), nil
}

// UnmarshalJSON decodes what MarshalJSON has encoded.
func (n *Notification) UnmarshalJSON(text []byte) error {
	var content struct {
		Notification struct {
			Type    string         `json:"type"`
			Payload jsontext.Value `json:"payload"`
		} `json:"notification"`
	}
	if err := json.Unmarshal(text, &content); err != nil {
		return fmt.Errorf("decode notification: %w", err)
	}
	typ := content.Notification.Type
	body, err := wire.AppendNotification(nil, typ, content.Notification.Payload)
	if err != nil {
		return fmt.Errorf("decode notification: %w", err)
	}
	*n = Notification{typ: typ, body: body}
	return nil
}

// NotifyPlayers sends n to the sockets of players of the Game backend. It
// returns when the message is on its way; it is delivered at most once, in the
// order of the calls, and lost for players without a socket: they are told the
// present state when they connect. It is sent even if ctx has ended. While a call
// of a connection runs, messages to that connection wait for its answer. One of
// more than about 1 MiB ([cluster.MaxData]) is not sent but logged as an error.
func (m *Mount) NotifyPlayers(ctx context.Context, n *Notification, to ...PlayerID) {
	ids := make([][16]byte, len(to))
	for i, id := range to {
		ids[i] = id
	}
	m.side.notify(ctx, Player, n, ids)
}

// NotifyAccounts sends n to the sockets of players of the Social backend. See
// [Mount.NotifyPlayers].
func (m *Mount) NotifyAccounts(ctx context.Context, n *Notification, to ...SocialID) {
	ids := make([][16]byte, len(to))
	for i, id := range to {
		ids[i] = id
	}
	m.side.notify(ctx, Player, n, ids)
}

// NotifyPartner sends n to every socket opened with the partner's token.
func (m *Mount) NotifyPartner(ctx context.Context, n *Notification, to PartnerID) {
	m.side.notify(ctx, Partner, n, [][16]byte{to})
}

func qualified(service, name string) string {
	if strings.Contains(name, ".") {
		return name
	}
	return service + "." + name
}

// notifySubject is the bus subject of a backend's messages to one session type.
func (s *side) notifySubject(t SessionType) string {
	return "notify." + strings.ToLower(string(s.backend)+"."+string(t))
}

// notify publishes a message for the sockets of the ids, wherever they are, in
// as few parts as the limit of the bus allows. What it tells has happened, so it
// is told even if ctx has ended.
func (s *side) notify(ctx context.Context, t SessionType, n *Notification, ids [][16]byte) {
	if t == Player && n.err == nil {
		ids = s.greet(ctx, n, ids)
	}
	ctx = context.WithoutCancel(ctx)
	head := messageHead
	if !n.session.IsZero() {
		head += messageID
	}
	room := (cluster.MaxData - head - len(n.body)) / messageID
	err := n.err
	if err == nil && room < 1 {
		err = fmt.Errorf("the notification has %d bytes, %d are possible", len(n.body), cluster.MaxData-head-messageID)
	}
	for part := range slices.Chunk(ids, max(room, 1)) {
		if err == nil {
			m := message{ids: part, body: n.body, beforeAnswer: n.beforeAnswer, session: n.session, allocation: n.allocation}
			err = s.core.bus.Publish(ctx, s.notifySubject(t), m.pack())
		}
	}
	if err != nil && len(ids) > 0 {
		s.core.log.ErrorContext(ctx, "cannot notify", "type", n.typ, "receivers", len(ids), "err", err)
	}
}

// greet delivers to the socket that an OnConnect function runs for, if that is
// whose context it is, and returns the other receivers.
func (s *side) greet(ctx context.Context, n *Notification, ids [][16]byte) (others [][16]byte) {
	sock, ok := ctx.Value(greetedSocket{}).(*socket)
	if !ok || sock.gw.side != s {
		return ids
	}
	subject := s.sockets.subject(sock.who)
	if !slices.Contains(ids, subject) {
		return ids
	}
	if n.session.IsZero() || n.session == sock.who.player.SessionID {
		sock.greet(n.body)
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id [16]byte) bool { return id == subject })
}

// listen delivers what notify publishes, on this and on other nodes.
func (s *side) listen() error {
	for _, t := range []SessionType{Player, Partner} {
		_, err := s.core.bus.Subscribe(s.notifySubject(t), func(ctx context.Context, data []byte) {
			m, err := unpackMessage(data)
			if err != nil {
				s.core.log.ErrorContext(ctx, "unreadable message on the bus", "err", err)
				return
			}
			s.sockets.deliver(t, m)
		})
		if err != nil {
			return fmt.Errorf("subscribe to %s: %w", s.notifySubject(t), err)
		}
	}
	return s.sessions.listen()
}

// message is a notification on the bus: flags, a count, the session if it is for
// one, the ids of the receivers, the frame body.
type message struct {
	ids          [][16]byte
	body         []byte
	beforeAnswer bool
	session      SessionID // zero: whichever
	allocation   bool      // ids are those of allocations
}

const (
	messageHead = 5
	messageID   = 16

	flagBeforeAnswer = 1
	flagSession      = 2
	flagAllocation   = 4
)

// isFor reports whether a player's session gets the message.
func (m *message) isFor(id SessionID) bool { return m.session.IsZero() || m.session == id }

func (m *message) pack() []byte {
	data := make([]byte, 1, messageHead+messageID*(1+len(m.ids))+len(m.body))
	if m.beforeAnswer {
		data[0] |= flagBeforeAnswer
	}
	if m.allocation {
		data[0] |= flagAllocation
	}
	data = binary.BigEndian.AppendUint32(data, uint32(len(m.ids)))
	if !m.session.IsZero() {
		data[0] |= flagSession
		data = append(data, m.session[:]...)
	}
	for _, id := range m.ids {
		data = append(data, id[:]...)
	}
	return append(data, m.body...)
}

func unpackMessage(data []byte) (m message, err error) {
	size := len(data)
	if size < messageHead {
		return m, fmt.Errorf("message of %d bytes is too short", size)
	}
	flags, count := data[0], uint64(binary.BigEndian.Uint32(data[1:]))
	data = data[messageHead:]
	ids := count
	if flags&flagSession != 0 {
		ids++
	}
	if uint64(len(data)) < messageID*ids {
		return m, fmt.Errorf("message of %d bytes is too short for %d receivers", size, count)
	}
	m.beforeAnswer = flags&flagBeforeAnswer != 0
	m.allocation = flags&flagAllocation != 0
	if flags&flagSession != 0 {
		data = data[copy(m.session[:], data):]
	}
	m.ids = make([][16]byte, count)
	for i := range m.ids {
		data = data[copy(m.ids[i][:], data):]
	}
	m.body = data
	return m, nil
}
