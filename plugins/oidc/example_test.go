package oidc_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/plugins/oidc"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
)

// Players of Google and Twitch, and the studio's own people by Google Workspace.
func Example() {
	cfg, err := pragma.ParseConfig(`
social:
  pluginConfigs:
    AccountService.identityProviderPlugins:
      plugins:
        GOOGLE:
          config:
            issuer: https://accounts.google.com
            clientIds: [1234.apps.googleusercontent.com]
            nonce: REQUIRED_SHA256
        TWITCH:
          config:
            issuer: https://id.twitch.tv/oauth2
            clientIds: [abcd]
        GOOGLEWORKSPACE:
          config:
            issuer: https://accounts.google.com
            clientIds: [5678.apps.googleusercontent.com]
            playerLoginEnabled: false
            operatorLoginEnabled: true
            requiredClaims: {hd: studio.example}
            operatorEmails: {robin@studio.example: ADMIN, marian@studio.example: VIEWER}
`)
	if err != nil {
		panic(err)
	}
	srv := &pragma.Server{
		Config: cfg,
		Social: []pragma.Service{&account.Service{Providers: []account.IdentityProvider{
			&oidc.Provider{Type: "GOOGLE"},
			&oidc.Provider{Type: "TWITCH"},
			&oidc.Provider{Type: "GOOGLEWORKSPACE"},
		}}},
	}
	fmt.Println(len(srv.Social), "service; run it with srv.Run(ctx)")
	// Output: 1 service; run it with srv.Run(ctx)
}

// A studio with an issuer of its own takes the display name from two claims, and
// lets only those in who have accepted its rules.
func ExampleProvider() {
	p := &oidc.Provider{
		Type: "STUDIO_EXT",
		Adjust: func(_ context.Context, r *oidc.AdjustRequest) error {
			if !r.Claims.Bool("rules_accepted") {
				return account.ErrUnauthorized.With("accept the rules first")
			}
			r.Account.DisplayName = r.Claims.Text("title") + " " + r.Claims.Text("nickname")
			return nil
		},
	}
	fmt.Println(p.GetType())
	// Output: STUDIO_EXT
}
