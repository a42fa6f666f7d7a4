package sqlite_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/openpragma/engine/pragma/store/sqlite"
)

// The test binary starts itself again in one of these roles.
const (
	roleEnv   = "PRAGMA_SQLITE_TEST_ROLE"
	pathEnv   = "PRAGMA_SQLITE_TEST_PATH"
	roleWrite = "write" // commits until it is killed
	roleOpen  = "open"  // opens the database and reports the error
)

func TestMain(m *testing.M) {
	path := os.Getenv(pathEnv)
	switch os.Getenv(roleEnv) {
	case roleWrite:
		writeUntilKilled(path)
	case roleOpen:
		openOnce(path)
	default:
		os.Exit(m.Run())
	}
}

func openOnce(path string) {
	d, err := sqlite.File(path)(contextOfChild())
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	if err := d.Close(); err != nil {
		fmt.Println(err)
		os.Exit(4)
	}
}
