package mysql_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/openpragma/engine/internal/conf"
	"github.com/openpragma/engine/pragma/store/mysql"
)

func TestConfigFindsEveryMistake(t *testing.T) {
	fine := mysql.Config{HostPortSchema: "localhost:3306/game", Username: "game"}
	for _, c := range []struct {
		name   string
		change func(*mysql.Config)
		says   string // empty: nothing wrong
	}{
		{"documented shape", func(*mysql.Config) {}, ""},
		{"no port", func(c *mysql.Config) { c.HostPortSchema = "db/game" }, ""},
		{"IPv6", func(c *mysql.Config) { c.HostPortSchema = "[::1]:3307/game" }, ""},
		{"IPv6 without port", func(c *mysql.Config) { c.HostPortSchema = "[::1]/game" }, ""},
		{"empty", func(c *mysql.Config) { c.HostPortSchema = "" }, "hostPortSchema: is empty"},
		{"no schema", func(c *mysql.Config) { c.HostPortSchema = "db:3306" }, "names no schema"},
		{"empty schema", func(c *mysql.Config) { c.HostPortSchema = "db:3306/" }, "names no schema"},
		{"quote in schema", func(c *mysql.Config) { c.HostPortSchema = "db:3306/a`b" }, "names no schema"},
		{"huge port", func(c *mysql.Config) { c.HostPortSchema = "db:99999/game" }, "port from 1 to 65535"},
		{"port zero", func(c *mysql.Config) { c.HostPortSchema = "db:0/game" }, "port from 1 to 65535"},
		{"no host", func(c *mysql.Config) { c.HostPortSchema = ":3306/game" }, "want host:3306/schema"},
		{"URL", func(c *mysql.Config) { c.HostPortSchema = "jdbc:mysql://db:3306/game" }, "is a URL"},
		{"parameters", func(c *mysql.Config) { c.HostPortSchema = "db:3306/game?useSSL=false" }, "has parameters"},
		{"no user", func(c *mysql.Config) { c.Username = "" }, "username: is empty"},
		{"negative connections", func(c *mysql.Config) { c.ReadConnections = -1 }, "readConnections: is -1, want 1 to 1000"},
		{"many writers", func(c *mysql.Config) { c.WriteConnections = 1000 }, "writeConnections: is 1000, want 1 to 64"},
		{"negative queue", func(c *mysql.Config) { c.Queue = -5 }, "queue: is -5"},
		{"short timeout", func(c *mysql.Config) { c.TimeoutMillis = 100 }, "timeoutMillis: is 100, want 3000"},
		{"unknown finding", func(c *mysql.Config) { c.AllowUnsafe = []string{"durability", "luck"} }, `allowUnsafe: "luck" is no finding`},
		{"half a certificate", func(c *mysql.Config) { c.TLS = mysql.TLS{Enabled: true, KeyFile: "x"} }, "belong together"},
		{"forgotten switch", func(c *mysql.Config) { c.TLS = mysql.TLS{CAFile: "x"} }, "enabled is false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := fine
			c.change(&config)
			err := config.Validate()
			if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("Validate() = %v, want %q", err, c.says)
			}
			if _, opened := config.Open(t.Context()); c.says != "" && opened == nil {
				t.Error("Open() accepts it")
			}
		})
	}
}

func TestMistakesAreReportedTogether(t *testing.T) {
	err := mysql.Config{Queue: -1, ReadConnections: -1}.Validate()
	for _, field := range []string{"hostPortSchema", "username", "queue", "readConnections"} {
		if err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("Validate() = %v, which lacks %s", err, field)
		}
	}
}

func TestConfigDecodesFromTheDocumentedShape(t *testing.T) {
	t.Setenv("DB_PASSWORD", "hidden")
	var c mysql.Config
	if err := decode(t, `{hostPortSchema: "localhost:3306/game", username: "superuser", password: "${DB_PASSWORD}",
    readConnections: 4, tls: {enabled: true, caFile: "ca.pem"}, allowUnsafe: [durability]}`, &c); err != nil {
		t.Fatal(err)
	}
	if c.Password.Reveal() != "hidden" || c.ReadConnections != 4 || !c.TLS.Enabled || !slices.Equal(c.AllowUnsafe, []string{"durability"}) {
		t.Errorf("decoded %+v", c)
	}
	if text := fmt.Sprintf("%+v", c); strings.Contains(text, "hidden") {
		t.Errorf("the password is printed: %s", text)
	}
	if err := decode(t, "{hostPortSchema: nothing}", &c); err == nil || !strings.Contains(err.Error(), "test.yml:1") {
		t.Errorf("Decode() = %v, want a finding with its line", err)
	}
}

func decode(t *testing.T, text string, c *mysql.Config) error {
	t.Helper()
	text = "social: {serviceConfigs: {AccountDaoConfig: {databaseConfig: " + text + "}}}"
	tree, err := conf.Memory(conf.Source{Name: "test.yml", Text: text}).Load()
	if err != nil {
		t.Fatal(err)
	}
	section, err := tree.Section("social.serviceConfigs.AccountDaoConfig.databaseConfig")
	if err != nil {
		t.Fatal(err)
	}
	return section.Decode(c)
}

func TestFilesOfTLSMustBeThere(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for says, files := range map[string]mysql.TLS{
		"tls.caFile":            {Enabled: true, CAFile: "missing.pem"},
		"holds no certificate":  {Enabled: true, CAFile: empty},
		"tls.certFile and tls.": {Enabled: true, CertFile: empty, KeyFile: empty},
	} {
		c := mysql.Config{HostPortSchema: "localhost:1/game", Username: "game", TLS: files}
		if _, err := c.Open(t.Context()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("Open() = %v, want %q", err, says)
		}
	}
}

// refuses opens a database that must be refused with all parts in the message,
// and never with the password.
func refuses(t *testing.T, c mysql.Config, parts ...string) error {
	t.Helper()
	d, err := c.Open(t.Context())
	if err == nil {
		d.Close()
		t.Fatalf("Open() = nil, want an error with %q", parts)
	}
	for _, part := range append(parts, c.HostPortSchema) {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q lacks %q", err, part)
		}
	}
	if strings.Contains(err.Error(), c.Password.Reveal()) {
		t.Errorf("error %q shows the password", err)
	}
	return err
}

func TestOpenSaysWhatToDo(t *testing.T) {
	s := servers.MariaDB(t)
	fine := config(s.Addr(), s.Schema(t))
	refuses(t, config(s.Addr(), "no_such_schema"), "CREATE DATABASE `no_such_schema`")
	wrong := fine
	wrong.Password = "something else"
	refuses(t, wrong, "check username, password and GRANT")
	refuses(t, config("127.0.0.1:1", "game"), "store: unavailable", "connect", "check hostPortSchema and tls", "MySQL")
	plain := fine
	plain.TLS = mysql.TLS{Enabled: true}
	if err := refuses(t, plain); !strings.Contains(strings.ToLower(err.Error()), "tls") {
		t.Errorf("Open() with TLS at a server without = %v", err)
	}
}

func ExampleConfig_Validate() {
	c := mysql.Config{
		HostPortSchema: "db.example.net:3306/skirmish",
		Username:       "skirmish",
		Password:       "secret",
		AllowUnsafe:    []string{"durability"}, // a test server
	}
	fmt.Println(c.Validate())
	fmt.Println(c.Password)

	c.HostPortSchema = "db.example.net"
	var field *conf.FieldError
	fmt.Println(errors.As(c.Validate(), &field), field.Field)

	// Output:
	// <nil>
	// ***
	// true hostPortSchema
}
