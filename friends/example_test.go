package friends_test

import (
	"context"
	"fmt"

	"github.com/openpragma/engine/friends"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/ext"
)

// Where is what players ask for, and what their friends see.
type Where struct {
	Map string `json:"map"`
}

// whereabouts shows friends on which map a player is, if that is no secret.
type whereabouts struct{ friends.Defaults }

func (whereabouts) HandleRichPresenceRequest(_ context.Context, r *friends.RichPresenceRequest) (ext.Value, error) {
	where, err := ext.As[Where](r.RequestExt)
	if err != nil {
		return ext.Value{}, err
	}
	if where.Map == "hideout" {
		return r.Current, nil
	}
	return ext.Of(where), nil
}

// A plugin embeds Defaults and decides what friends see. It needs no server to
// be tested.
func Example() {
	now := ext.Of(Where{Map: "harbor"})
	for _, next := range []string{"forest", "hideout"} {
		now, _ = whereabouts{}.HandleRichPresenceRequest(context.Background(), &friends.RichPresenceRequest{
			Origin: friends.FromPlayer, RequestExt: ext.Of(Where{Map: next}), Current: now,
		})
		fmt.Println(now)
	}
	// Output:
	// {"map":"forest"}
	// {"map":"forest"}
}

// The service is put into the list of a server's Social side.
func ExampleService() {
	accounts := &account.Service{}
	srv := &pragma.Server{
		Social: []pragma.Service{accounts, &friends.Service{Plugin: whereabouts{}, Accounts: accounts}},
	}
	fmt.Println(srv.Social[1].Name())
	// Output: FriendRpc
}
