package pragma

import "context"

// NotifyAllocation sends n to every socket opened with a token that was made for
// an allocation, however many pairs of them were signed. It looks at all sockets
// of partners: it is for what happens once in the life of an allocation.
func (m *Mount) NotifyAllocation(ctx context.Context, n *Notification, to AllocationID) {
	c := *n
	c.allocation = true
	m.side.notify(ctx, Partner, &c, [][16]byte{to})
}

// OnPartnerConnect registers fn to be called whenever a partner's socket is ready,
// before any call of that socket runs: fn tells the partner what it must know, by
// notifications, which reach its other sockets too. It is [Mount.OnConnect] in
// everything else.
func (m *Mount) OnPartnerConnect(fn func(ctx context.Context, s *PartnerSession) error) {
	m.side.onPartnerConnect = append(m.side.onPartnerConnect, fn)
}

// welcomePartner runs what services do when a partner connects.
func (g *gateway) welcomePartner(sock *socket) {
	core := g.side.core
	if len(g.side.onPartnerConnect) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(sock.callContext(), core.requestTimeout())
	defer cancel()
	for _, fn := range g.side.onPartnerConnect {
		err := guard(ctx, core.log, "OnPartnerConnect", core.requestTimeout(), errLate, func(ctx context.Context) error {
			return fn(ctx, sock.who.partner)
		})
		if err != nil {
			sock.end() // what is missing now is told to the next socket
		}
		if err != nil && sock.ctx.Err() == nil {
			core.log.ErrorContext(ctx, "cannot tell a partner what it must know on connect", "partner", sock.who.partner.PartnerID, "err", err)
		}
		if asError(err).Is(ErrUnavailable) { // it is told when it comes back
			sock.close(closeCause{name: "not greeted", cut: true})
			return
		}
	}
}

// deliverToAllocation queues a message for the sockets of an allocation. s.mu is
// held.
func (s *sockets) deliverToAllocation(id AllocationID, m message) {
	for _, socks := range s.others {
		for sock := range socks {
			if p := sock.who.partner; p != nil && p.AllocationID == id {
				sock.notify(m.body, m.beforeAnswer)
			}
		}
	}
	for _, streams := range s.away {
		for _, st := range streams {
			if p := st.ring.who.partner; p != nil && p.AllocationID == id {
				st.notify(m.body, m.beforeAnswer)
			}
		}
	}
}
