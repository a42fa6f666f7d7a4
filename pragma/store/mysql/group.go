package mysql

import (
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/openpragma/engine/pragma/store"
)

// entry is what a transaction knows about one record, and makes of it.
type entry struct {
	key     store.Key
	stored  int64 // revision when it was locked
	rev     int64 // revision after the batches applied so far
	written bool
	watched bool // a batch relies on it
	token   store.Token
	step    *store.Step // the last put
}

// transaction applies a group in two round trips: the first one locks every
// record that exists and reads its revision, the second one writes and commits.
// In between the batches are decided in memory, one after the other, so that a
// conflict concerns only its own batch. Records that do not exist cannot be
// locked: inserting them does that, and one that somebody else inserted
// meanwhile makes the whole transaction begin again.
func (w *writer) transaction(group []*job, results []error) (phase, error) {
	entries := collectEntries(group)
	if err := w.lock(entries); err != nil {
		w.rollback()
		return beforeCommit, err
	}
	apply(group, results, entries)
	packets := plan(entries)
	if len(packets) == 0 { // only checks and conflicts
		w.rollback()
		return beforeCommit, nil
	}
	for i, p := range packets {
		at := beforeCommit
		if i == len(packets)-1 {
			at = duringCommit
		}
		_, err := w.exec(p.query.String(), p.args...)
		switch n := number(err); {
		case err == nil:
		case n == errDuplicateKey:
			w.rollback()
			return beforeCommit, errRaced
		default:
			if n != 0 {
				w.rollback()
			}
			return at, err
		}
	}
	return duringCommit, nil
}

// rollback ends the transaction after any error. Even a lock that was waited for
// in vain leaves the statements before it in force, so going on is never right.
func (w *writer) rollback() {
	if _, err := w.exec("ROLLBACK"); err != nil {
		w.disconnect()
	}
}

// collectEntries returns the records of the group in key order, each once.
func collectEntries(group []*job) []entry {
	var entries []entry
	for _, j := range group {
		for i := range j.steps {
			entries = append(entries, entry{key: j.steps[i].Key})
		}
	}
	slices.SortFunc(entries, func(a, b entry) int { return a.key.Compare(b.key) })
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.key == b.key })
}

func find(entries []entry, k store.Key) *entry {
	i, _ := slices.BinarySearchFunc(entries, k, func(e entry, k store.Key) int { return e.key.Compare(k) })
	return &entries[i]
}

// lock begins the transaction, locks the records that exist in key order, and
// notes their revisions.
func (w *writer) lock(entries []entry) error {
	keys := make([]store.Key, len(entries))
	for i := range entries {
		keys[i] = entries[i].key
	}
	var query strings.Builder
	query.WriteString("BEGIN")
	args := make([]driver.Value, 0, len(keys)+4)
	for _, kind := range byKind(keys) {
		query.WriteString("; SELECT kind, id, rev FROM record FORCE INDEX (PRIMARY) WHERE kind = ?")
		args = append(args, []byte(kind.name))
		args = kind.in(&query, args)
		query.WriteString(" ORDER BY id FOR UPDATE")
	}
	return w.query(query.String(), func(row []driver.Value) error {
		rev, err := integer(row[2])
		if err != nil {
			return err
		}
		e := find(entries, store.Key{Kind: text(row[0]), ID: text(row[1])})
		e.stored, e.rev = rev, rev
		return nil
	}, args...)
}

// apply decides the batches of the group in their order.
func apply(group []*job, results []error, entries []entry) {
	for i, j := range group {
		if c := conflict(j, entries); c != nil {
			results[i] = c
			continue
		}
		for n := range j.steps {
			s := &j.steps[n]
			e := find(entries, s.Key)
			e.watched = true
			switch s.Op {
			case store.OpPut:
				e.rev, e.written, e.token, e.step = s.Expect+1, true, j.token, s
			case store.OpDelete:
				e.rev, e.written, e.step = 0, true, nil
			}
		}
	}
}

func conflict(j *job, entries []entry) error {
	for i := range j.steps {
		s := &j.steps[i]
		if e := find(entries, s.Key); e.rev != s.Expect {
			return &store.ConflictError{Key: s.Key, Have: e.rev, Expect: s.Expect}
		}
	}
	return nil
}

// packet is what is sent at once.
type packet struct {
	query strings.Builder
	args  []driver.Value
	bytes int
}

// plan returns the statements that write the entries and commit, in as many
// packets as the server's limit demands; none if there is nothing to write.
func plan(entries []entry) []*packet {
	var p planner
	var guards, deletes []store.Key
	for i := range entries {
		switch e := &entries[i]; {
		case e.stored == 0 && e.rev == 0 && e.watched:
			// Nobody may create it before we commit: inserting locks it.
			guards = append(guards, e.key)
			p.row(insertHead, insertTail, e, &store.Step{})
		case e.stored == 0 && e.written:
			p.row(insertHead, insertTail, e, e.step)
		case e.written && e.rev == 0:
			deletes = append(deletes, e.key)
		}
	}
	for i := range entries {
		if e := &entries[i]; e.stored != 0 && e.written && e.rev != 0 {
			p.row(insertHead, replaceTail, e, e.step)
		}
	}
	p.remove(guards)
	p.remove(deletes)
	if len(p.packets) > 0 {
		p.end()
		p.last().query.WriteString("COMMIT")
	}
	return p.packets
}

// Rows that exist are replaced by the same statement as new ones are inserted;
// they are locked, so that it can only replace them.
const (
	insertHead  = "INSERT INTO record (kind, id, rev, token, due, body) VALUES "
	insertTail  = ""
	replaceTail = " ON DUPLICATE KEY UPDATE rev = VALUES(rev), token = VALUES(token), due = VALUES(due), body = VALUES(body)"
)

// planner appends statements to packets.
type planner struct {
	packets []*packet
	open    bool // a list of rows that may go on
	tail    string
}

func (p *planner) last() *packet { return p.packets[len(p.packets)-1] }

// end finishes the open statement.
func (p *planner) end() {
	if p.open {
		p.last().query.WriteString(p.tail)
		p.last().query.WriteString("; ")
		p.open = false
	}
}

// room makes sure that the last packet can take so many more bytes.
func (p *planner) room(bytes int) {
	if len(p.packets) == 0 || p.last().bytes+bytes > packetBytes {
		p.end()
		p.packets = append(p.packets, new(packet))
	}
	p.last().bytes += bytes
}

// row writes one record.
func (p *planner) row(head, tail string, e *entry, s *store.Step) {
	if p.open && p.tail != tail {
		p.end()
	}
	p.room(rowBytes + 2*len(s.Body)) // escaping doubles bytes at worst
	q := &p.last().query
	if p.open {
		q.WriteString(", ")
	} else {
		q.WriteString(head)
		p.open, p.tail = true, tail
	}
	q.WriteString("(?, ?, ?, ?, ?, ?)")
	p.last().args = append(p.last().args, []byte(e.key.Kind), []byte(e.key.ID), e.rev, e.token[:], dueValue(s), bodyValue(s))
}

// remove deletes records, which are locked or were just inserted.
func (p *planner) remove(keys []store.Key) {
	if len(keys) == 0 {
		return
	}
	p.end()
	p.room(rowBytes * len(keys))
	for _, kind := range byKind(keys) {
		p.last().query.WriteString("DELETE FROM record WHERE kind = ?")
		p.last().args = append(p.last().args, []byte(kind.name))
		p.last().args = kind.in(&p.last().query, p.last().args)
		p.last().query.WriteString("; ")
	}
}

// Sizes of packets. The server must accept minPacket, which one body of the
// greatest size needs, escaped, with room for 4,096 keys in one statement.
const (
	minPacket   = 4 << 20
	packetBytes = 3 << 20
	rowBytes    = 600 // a row of a statement, without its body, at most
)
