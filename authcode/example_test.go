package authcode_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/authcode"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// verified tells partners the e-mail address of a player too, if it is his.
type verified struct{ authcode.Defaults }

func (v verified) BuildPlayerProfile(ctx context.Context, r *authcode.BuildPlayerProfileRequest) (*authcode.PlayerProfile, error) {
	p, err := v.Defaults.BuildPlayerProfile(ctx, r)
	if err == nil && r.Account.EmailVerified {
		p.Email = r.Account.EmailAddress
	}
	return p, err
}

// A plugin embeds Defaults and decides what partners learn. It needs no server to
// be tested.
func Example() {
	robin := &account.Profile{
		DisplayName:  pragma.DisplayName{DisplayName: "Robin", Discriminator: "0042"},
		EmailAddress: "robin@example.com",
	}
	for range 2 {
		p, err := verified{}.BuildPlayerProfile(context.Background(), &authcode.BuildPlayerProfileRequest{Account: robin})
		fmt.Printf("%s %q %v\n", p.Username, p.Email, err)
		robin.EmailVerified = true
	}
	// Output:
	// Robin "" <nil>
	// Robin "robin@example.com" <nil>
}

// The service is put into the list of a server's Social side. Without application
// id and secret the server does not start.
func ExampleService() {
	cfg, err := pragma.ParseConfig(`
social:
  serviceConfigs:
    AuthCodeServiceConfig:
      authCodeApplicationId: "5f158727c9e95137883b8b96"
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	accounts := &account.Service{}
	srv := &pragma.Server{
		Config: cfg,
		Social: []pragma.Service{accounts, &authcode.Service{Plugin: verified{}, Accounts: accounts}},
	}
	fmt.Println(srv.Check())
	// Output:
	// config:4:5: social.serviceConfigs.AuthCodeServiceConfig.authCodeApplicationSecret: is required: the secret of the application that redeems codes
}
