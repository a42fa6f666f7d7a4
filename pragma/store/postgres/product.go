package postgres

import (
	"strings"

	"github.com/openpragma/engine/pragma/store"
)

// Product lets configuration choose a database of this package (engine §9.2):
//
//	databaseConfig:
//	  driver: POSTGRES
//	  hostPortSchema: db.example.net:5432/skirmish
//	  username: skirmish
//	  password: ${DB_PASSWORD} # or file:<path>
//
// Further keys are those of [Config].
func Product() store.Product {
	return store.Product{Name: "POSTGRES", New: func() store.Database { return &Config{} }}
}

var _ store.Database = (*Config)(nil)

// Place implements [store.Database]: the product, host and port, and database. It
// is empty if HostPortSchema is not valid.
func (c Config) Place() string {
	to, err := c.common().Target()
	if err != nil {
		return ""
	}
	return "POSTGRES " + strings.ToLower(to.Addr()) + "/" + to.Schema
}
