package pragma

import "github.com/openpragma/engine/internal/conf"

// daoConfig is a documented section that says in which database a service keeps
// its records.
type daoConfig struct {
	DatabaseConfig conf.Section `yaml:"databaseConfig"`
}

// AcceptDaoConfig claims a documented section such as AccountDaoConfig (engine
// §9.2, escs §5), so that existing files need no change. It has no effect besides a
// warning: all services of a backend keep their records in one store, which is
// chosen in main. Call it while mounting, once for each section.
func AcceptDaoConfig(m *Mount, section string) error {
	dao, err := ServiceConfig(m, section, daoConfig{})
	if err == nil && dao.Load().DatabaseConfig.Exists() {
		m.Log().Warn("this configuration is accepted but has no effect: records are in the store of the backend", "section", section)
	}
	return err
}
