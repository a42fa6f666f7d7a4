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

// house lets players change their names, but not to one of the studio's.
type house struct{ account.Defaults }

var _ account.Plugin = house{}

func (house) OnAccountUpdate(_ context.Context, r *account.UpdateRequest) error {
	if strings.Contains(strings.ToLower(r.Change.DisplayName), "studio") {
		return account.ErrDisplayNameUpdate.With("this name is taken by the house")
	}
	return nil
}

// A plugin that decides about display names.
func ExamplePlugin() {
	srv := &pragma.Server{Social: []pragma.Service{&account.Service{Plugin: house{}}}}
	_ = srv // srv.Run(ctx)

	for _, name := range []string{"Robin", "Studio Robin"} {
		r := &account.UpdateRequest{Change: account.Change{DisplayName: name}, RequestedBy: pragma.Player}
		fmt.Println(name, house{}.OnAccountUpdate(context.Background(), r))
	}
	// Output:
	// Robin <nil>
	// Studio Robin AccountService_DisplayNameUpdateNotAllowed: this name is taken by the house
}

// letters prints the mails that it is to send.
type letters struct{ account.EmailSenderDefaults }

var _ account.EmailSender = letters{}

func (letters) SendVerificationEmail(_ context.Context, r *account.SendVerificationEmailRequest) error {
	fmt.Printf("to %s: https://game.example.com/verify?token=%s\n", r.EmailAddress, r.Token)
	return nil
}

// A sender of verification mails.
func ExampleEmailSender() {
	srv := &pragma.Server{Social: []pragma.Service{&account.Service{EmailSender: letters{}}}}
	_ = srv // srv.Run(ctx)

	_ = letters{}.SendVerificationEmail(context.Background(), &account.SendVerificationEmailRequest{EmailAddress: "robin@example.com", Token: "t0ken"})
	// Output: to robin@example.com: https://game.example.com/verify?token=t0ken
}
