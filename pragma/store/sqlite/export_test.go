package sqlite

import (
	"errors"
	"io/fs"

	"github.com/openpragma/engine/internal/migration"
)

// Migrate brings the database at path to the schema of the files.
func Migrate(path string, files fs.FS) error {
	all, err := migration.Load(files)
	if err != nil {
		return err
	}
	c, err := openConn(path, false)
	if err != nil {
		return err
	}
	return errors.Join(migrate(c, all), c.close())
}
