package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"

	"github.com/openpragma/engine/pragma/store/mysql"
	"github.com/openpragma/engine/pragma/store/postgres"
)

// rawMySQL is database/sql on the driver of MySQL.
type rawMySQL struct {
	host, schema, user, password string

	db *sql.DB
}

func (r *rawMySQL) prepare(ctx context.Context, writers int, ids []string) error {
	c := mysqldriver.NewConfig()
	c.Net, c.Addr, c.DBName, c.User, c.Passwd = "tcp", withPort(r.host, mysql.DefaultPort), strings.TrimPrefix(r.schema, "/"), r.user, r.password
	c.InterpolateParams, c.ClientFoundRows = true, true
	connector, err := mysqldriver.NewConnector(c)
	if err != nil {
		return err
	}
	r.db = sql.OpenDB(connector)
	r.db.SetMaxOpenConns(writers)
	r.db.SetMaxIdleConns(writers)
	for _, id := range ids {
		if _, err := r.db.ExecContext(ctx, "INSERT INTO record VALUES (?, ?, 1, '', NULL, '')", benchKind, id); err != nil {
			return err
		}
	}
	return nil
}

func (r *rawMySQL) update(ctx context.Context, _ int, rev int64, ids ...string) (err error) {
	const query = "UPDATE record SET rev = rev + 1, token = ?, due = NULL, body = ? WHERE kind = ? AND id = ? AND rev = ?"
	on, end := sqlExecer(r.db), func() error { return nil }
	if len(ids) > 1 {
		tx, err := r.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }()
		on, end = tx, tx.Commit
	}
	for _, id := range ids {
		res, err := on.ExecContext(ctx, query, make([]byte, 16), make([]byte, bodyBytes), benchKind, id, rev+1)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("update of %s touches %d rows: %w", id, n, err)
		}
	}
	return end()
}

type sqlExecer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func (r *rawMySQL) close() error {
	if r.db == nil {
		return nil
	}
	return r.db.Close()
}

// rawPostgres is pgx with the statements that it prepares by itself.
type rawPostgres struct {
	host, database, user, password string

	conns []*pgx.Conn // one for each writer
}

func (r *rawPostgres) prepare(ctx context.Context, writers int, ids []string) error {
	c, err := pgx.ParseConfig("sslmode=disable")
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(withPort(r.host, postgres.DefaultPort))
	if err != nil {
		return err
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return err
	}
	c.Host, c.Port, c.Database, c.User, c.Password = host, uint16(n), strings.TrimPrefix(r.database, "/"), r.user, r.password
	for range writers {
		conn, err := pgx.ConnectConfig(ctx, c)
		if err != nil {
			return err
		}
		r.conns = append(r.conns, conn)
	}
	for _, id := range ids {
		if _, err := r.conns[0].Exec(ctx, "INSERT INTO record VALUES ($1, $2, 1, '', NULL, '')", []byte(benchKind), []byte(id)); err != nil {
			return err
		}
	}
	return nil
}

func (r *rawPostgres) update(ctx context.Context, writer int, rev int64, ids ...string) error {
	const query = "UPDATE record SET rev = rev + 1, token = $1, due = NULL, body = $2 WHERE kind = $3 AND id = $4 AND rev = $5"
	one := func(tx pgx.Tx) error {
		for _, id := range ids {
			args := []any{make([]byte, 16), make([]byte, bodyBytes), []byte(benchKind), []byte(id), rev + 1}
			exec := r.conns[writer].Exec
			if tx != nil {
				exec = tx.Exec
			}
			tag, err := exec(ctx, query, args...)
			if err != nil || tag.RowsAffected() != 1 {
				return fmt.Errorf("update of %s touches %d rows: %w", id, tag.RowsAffected(), err)
			}
		}
		return nil
	}
	if len(ids) == 1 {
		return one(nil)
	}
	return pgx.BeginFunc(ctx, r.conns[writer], one)
}

func (r *rawPostgres) close() error {
	var errs []error
	for _, c := range r.conns {
		errs = append(errs, c.Close(context.Background()))
	}
	return errors.Join(errs...)
}

func withPort(host string, port int) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
}
