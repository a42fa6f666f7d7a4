package mysql

import (
	"database/sql/driver"
	"strings"

	"github.com/openpragma/engine/internal/sqlstore"
	"github.com/openpragma/engine/pragma/store"
)

// transaction applies a group in two round trips: the first one locks every
// record that exists and reads its revision, the second one writes and commits.
// In between the batches are decided in memory, one after the other, so that a
// conflict concerns only its own batch. Records that do not exist cannot be
// locked: inserting them does that, and one that somebody else inserted
// meanwhile makes the whole transaction begin again.
func (w *writer) transaction(group []*sqlstore.Job, results []error) (phase, error) {
	entries := sqlstore.Collect(group)
	if err := w.lock(entries); err != nil {
		w.rollback()
		return beforeCommit, err
	}
	entries.Apply(group, results)
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
			return beforeCommit, sqlstore.ErrRaced
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

// lock begins the transaction, locks the records that exist in key order, and
// notes their revisions.
func (w *writer) lock(entries sqlstore.Entries) error {
	keys := make([]store.Key, len(entries))
	for i := range entries {
		keys[i] = entries[i].Key
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
		entries.Find(store.Key{Kind: text(row[0]), ID: text(row[1])}).Found(rev)
		return nil
	}, args...)
}

// packet is what is sent at once.
type packet struct {
	query strings.Builder
	args  []driver.Value
	bytes int
}

// plan returns the statements that write the entries and commit, in as many
// packets as the server's limit demands; none if there is nothing to write.
func plan(entries sqlstore.Entries) []*packet {
	var p planner
	var guards, deletes []store.Key
	for i := range entries {
		switch e := &entries[i]; {
		case e.Guard():
			// Nobody may create it before we commit: inserting locks it.
			guards = append(guards, e.Key)
			p.row(insertHead, insertTail, e, &store.Step{})
		case e.Stored == 0 && e.Written:
			p.row(insertHead, insertTail, e, e.Step)
		case e.Written && e.Rev == 0:
			deletes = append(deletes, e.Key)
		}
	}
	for i := range entries {
		if e := &entries[i]; e.Stored != 0 && e.Written && e.Rev != 0 {
			p.row(insertHead, replaceTail, e, e.Step)
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
func (p *planner) row(head, tail string, e *sqlstore.Entry, s *store.Step) {
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
	p.last().args = append(p.last().args, []byte(e.Key.Kind), []byte(e.Key.ID), e.Rev, e.Token[:], dueValue(s), bodyValue(s))
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
