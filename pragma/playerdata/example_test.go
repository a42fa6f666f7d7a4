package playerdata_test

import (
	"fmt"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/playerdata"
)

// The service is put into the list of a server's Game side.
func Example() {
	srv := &pragma.Server{Game: []pragma.Service{&playerdata.Service{}}}
	fmt.Println(srv.Game[0].Name())
	// Output: PlayerDataServiceRpc
}
