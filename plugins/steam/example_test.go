package steam_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/openpragma/engine/plugins/steam"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// Players come by Steam. The key is not in the file.
func Example() {
	cfg, err := pragma.ParseConfig(`
social:
  pluginConfigs:
    AccountService.identityProviderPlugins:
      plugins:
        STEAM:
          config:
            appId: 480
            steamWebAPIKey: secret
            restrictByAccountBan: true
            openId: {enabled: true, returnTo: [https://studio.example/steam]}
`)
	if err != nil {
		panic(err)
	}
	srv := &pragma.Server{
		Config: cfg,
		Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{&steam.Provider{}}}},
	}
	fmt.Println(len(srv.Social), "service; run it with srv.Run(ctx)")
	// Output: 1 service; run it with srv.Run(ctx)
}

// What cannot be a ticket is refused without asking Steam.
func ExampleProvider_Validate() {
	p := &steam.Provider{}
	_, err := p.Validate(context.Background(), &account.ValidateRequest{ProviderToken: "not hex"})
	fmt.Println(err, errors.Is(err, account.ErrUnauthorized))
	// Output: AccountService_Unauthorized: providerToken must be a session ticket in hex true
}
