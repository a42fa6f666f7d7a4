package authcode_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/openpragma/engine/authcode"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
	"github.com/openpragma/engine/pragma/store"
	"github.com/openpragma/engine/pragma/store/mysql"
)

func services() []pragma.Service {
	accounts := &account.Service{}
	return []pragma.Service{accounts, &authcode.Service{Accounts: accounts}}
}

func TestConfigurationIsChecked(t *testing.T) {
	const id, key = "authCodeApplicationId: a, ", "authCodeApplicationSecret: classified, "
	for name, tt := range map[string]struct{ config, want string }{
		"documented keys":       {id + key + "authCodeTTL: 300, maxCacheSize: 1000, dbCleanInterval: 10", ""},
		"required keys":         {id + key, ""},
		"no cache":              {id + key + "maxCacheSize: 0", ""},
		"no application id":     {key, "authCodeApplicationId: is required"},
		"empty application id":  {key + "authCodeApplicationId: ''", "authCodeApplicationId: is required"},
		"no secret":             {id, "authCodeApplicationSecret: is required"},
		"empty secret":          {id + "authCodeApplicationSecret: ''", "authCodeApplicationSecret: is required"},
		"nothing":               {"", "authCodeApplicationSecret: is required"},
		"no time to live":       {id + key + "authCodeTTL: 0", "authCodeTTL: want 1 to"},
		"negative time to live": {id + key + "authCodeTTL: -1", "authCodeTTL: want 1 to"},
		"huge time to live":     {id + key + "authCodeTTL: 2000000000", "authCodeTTL: want 1 to"},
		"negative cache":        {id + key + "maxCacheSize: -1", "maxCacheSize: want 0 to"},
		"huge cache":            {id + key + "maxCacheSize: 2000000000", "maxCacheSize: want 0 to"},
		"never cleaned":         {id + key + "dbCleanInterval: 0", "dbCleanInterval: want 1 to"},
		"text for a number":     {id + key + "authCodeTTL: soon", "authCodeTTL"},
		"misspelt key":          {id + key + "authCodeTtl: 3", "authCodeTtl"},
	} {
		t.Run(name, func(t *testing.T) {
			srv := &pragma.Server{
				Config: pragmatest.Config(t, "social: {serviceConfigs: {AuthCodeServiceConfig: {"+tt.config+"}}}"),
				Social: services(),
			}
			err := srv.Check()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("Check() = %v, want nil", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("Check() = %v, want it to say %q", err, tt.want)
			case err != nil && strings.Contains(err.Error(), "classified"):
				t.Errorf("the secret is shown: %v", err)
			}
		})
	}
}

func TestServerWithoutTheSectionSaysWhatIsMissing(t *testing.T) {
	err := (&pragma.Server{Config: pragmatest.Config(t), Social: services()}).Check()
	for _, key := range []string{"social.serviceConfigs.AuthCodeServiceConfig.authCodeApplicationId", "authCodeApplicationSecret"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("Check() = %v, want it to name %s", err, key)
		}
	}
}

func TestDocumentedFileIsAccepted(t *testing.T) {
	const documented = `
social:
  serviceConfigs:
    AccountDaoConfig:
      databaseConfig: {driver: "MYSQLDB", hostPortSchema: "localhost:3306/local_social_account", username: "superuser", password: "password"}
    AuthCodeServiceConfig:
      authCodeTTL: 300
      authCodeApplicationId: "applicationId"
      authCodeApplicationSecret: "applicationSecret"
      maxCacheSize: 1000
      dbCleanInterval: 10
    AuthCodeDaoConfig:
      databaseConfig: {driver: "MYSQLDB", hostPortSchema: "localhost:3306/escs_auth_code", username: "superuser", password: "password"}
`
	srv := &pragma.Server{
		Config: pragmatest.Config(t, documented), Social: services(), Logger: slog.New(slog.DiscardHandler),
		Databases: []store.Product{mysql.Product()},
	}
	if err := srv.Check(); err != nil {
		t.Error(err)
	}
}

func TestServiceSaysHowItIsToBeMounted(t *testing.T) {
	for name, srv := range map[string]*pragma.Server{
		"without accounts":  {Social: []pragma.Service{&authcode.Service{}}},
		"on the wrong side": {Game: services()[1:]},
	} {
		t.Run(name, func(t *testing.T) {
			srv.Config = pragmatest.Config(t)
			if err := srv.Check(); err == nil || !strings.Contains(err.Error(), "authcode.Service") {
				t.Errorf("Check() = %v, want a problem of authcode.Service", err)
			}
		})
	}
}

func TestMisspeltHookIsReported(t *testing.T) {
	accounts := &account.Service{}
	srv := &pragma.Server{
		Config: pragmatest.Config(t, section("")),
		Social: []pragma.Service{accounts, &authcode.Service{Accounts: accounts, Plugin: misspelt{}}},
	}
	if err := srv.Check(); err == nil || !strings.Contains(err.Error(), "BuildPlayerProfil") {
		t.Errorf("Check() = %v", err)
	}
	pragmatest.CheckPlugin[authcode.ProfilePlugin](t, &crew{})
}

type misspelt struct{ authcode.Defaults }

func (misspelt) BuildPlayerProfil() {}
