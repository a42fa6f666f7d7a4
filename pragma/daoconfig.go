package pragma

import (
	"strings"

	"github.com/openpragma/engine/internal/conf"
)

// daoConfig is a documented section that says in which database a service keeps
// its records.
type daoConfig struct {
	DatabaseConfig conf.Section `yaml:"databaseConfig"`
}

// AcceptDaoConfig claims a documented section such as AuthCodeDaoConfig (engine
// §9.2, escs §5), whose databaseConfig says where the records of these kinds are
// kept. Without one they are in the database of the server, see [Server.Store].
// Call it while mounting, once for each section.
//
// Records that may be in a database of their own are committed and read together
// with nothing else, whether they are in one or not: see store.NewRouter. So kinds
// names all kinds that are ever in one commit with another one of them: those of
// entities, of an outbox lane ("outbox/" and its name), and those that the service
// commits itself.
//
// A section without kinds is one of a service whose records are committed together
// with those of others. It may only name the database of the server; another one
// is a mistake that says so. Changes take effect at the next start.
func AcceptDaoConfig(m *Mount, section string, kinds ...string) error {
	c := m.side.core
	path := strings.ToLower(string(m.side.backend)) + ".serviceConfigs." + section
	dao, err := bind(c.conf, conf.Binding[daoConfig]{Path: path, NeedsRestart: daoNeedsRestart})
	if err != nil {
		return err
	}
	c.databases.add(path, dao.Load().DatabaseConfig, kinds)
	return nil
}

func daoNeedsRestart(running, next daoConfig) []string {
	if running.DatabaseConfig.Same(next.DatabaseConfig) {
		return nil
	}
	return []string{"databaseConfig"}
}
