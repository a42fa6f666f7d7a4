package account_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// guestbook is an identity provider of a studio: whoever knows the password of
// the guest is the guest.
type guestbook struct {
	account.ProviderDefaults
	passwords map[string]string
}

var _ account.IdentityProvider = guestbook{}

func (guestbook) GetType() string { return "GUESTBOOK_EXT" }

func (g guestbook) Validate(_ context.Context, r *account.ValidateRequest) (*account.ProviderAccount, error) {
	name, password, _ := strings.Cut(r.ProviderToken, ":")
	if want, ok := g.passwords[name]; !ok || password != want {
		return nil, account.ErrUnauthorized.With("wrong name or password")
	}
	return &account.ProviderAccount{AccountID: name, DisplayName: name}, nil
}

// A server with an identity provider of its own.
func ExampleIdentityProvider() {
	guests := guestbook{passwords: map[string]string{"robin": "sherwood"}}
	srv := &pragma.Server{
		Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{guests}}},
	}
	_ = srv // srv.Run(ctx)

	who, err := guests.Validate(context.Background(), &account.ValidateRequest{ProviderToken: "robin:sherwood"})
	fmt.Println(who.AccountID, err)
	_, err = guests.Validate(context.Background(), &account.ValidateRequest{ProviderToken: "robin:nottingham"})
	fmt.Println(err)
	// Output:
	// robin <nil>
	// AccountService_Unauthorized: wrong name or password
}
