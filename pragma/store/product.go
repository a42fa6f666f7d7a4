package store

import "context"

// Product is a kind of database that configuration can choose. Every package
// with a driver has one: sqlite.Product, mysql.Product. A program lists those
// that it is built with in pragma.Server.Databases, and links no others.
type Product struct {
	// Name is what the key driver of a databaseConfig says, such as "MYSQLDB"
	// (engine §9.2).
	Name string
	// New returns a pointer to a struct that holds the defaults. The other keys of
	// a databaseConfig are decoded over it, by the rules of pragma.ServiceConfig;
	// passwords in it are of type pragma.Secret.
	New func() Database
}

// Database is one database that configuration describes. Its methods are called
// one after the other, after the configuration was decoded into it.
type Database interface {
	// Place names the database, such as "MYSQLDB localhost:3306/skirmish", without
	// reaching for it. Two with the same place are the same database, however it is
	// written. It is shown in logs and must hold no secret. It is empty if the
	// configuration is not valid.
	Place() string
	// Open opens the database. It is an [Opener].
	Open(ctx context.Context) (Driver, error)
}

// Inspector is what a [Database] has that can be looked at without changing it,
// also while servers use it.
type Inspector interface {
	// Pending returns the names of the steps of the schema that Open will apply:
	// none if the schema is up to date.
	Pending(ctx context.Context) ([]string, error)
	// Probe returns what is wrong with the database itself, one sentence each: a
	// damaged file, settings of a server that are not safe. It can take as long as
	// reading everything.
	Probe(ctx context.Context) ([]string, error)
	// OpenReadOnly opens the database without bringing its schema up to date,
	// which is an error if it lacks a step. Commits and imports are refused with
	// ErrUnavailable.
	OpenReadOnly(ctx context.Context) (Driver, error)
}
