package pragma_test

import (
	"fmt"
	"testing"

	"github.com/coder/websocket"

	"github.com/openpragma/engine/pragma"
)

func TestGameServerMayUseItsWholeBurstAtOnce(t *testing.T) {
	for name, call := range map[string]string{
		"heartbeats": "PartnerSessionRpc.HeartbeatPartnerV1",
		"calls":      "LabRpc.SayPartnerV1",
	} {
		t.Run(name, func(t *testing.T) {
			run(t, `core: {session: {maxPendingCalls: 1}}`, func(t *testing.T, w *world) {
				c, _, err := w.upgrade(pragma.Gateway{Backend: pragma.Game, Type: pragma.Partner}, w.partnerToken())
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = c.CloseNow() }()
				const n = 900
				sent := make(chan error, 1)
				go func() {
					for i := range n {
						frame := fmt.Sprintf(`{"requestId":%d,"type":"%sRequest"}`, i, call)
						if err := c.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
							sent <- err
							return
						}
					}
					sent <- nil
				}()
				settle() // the server has more to say than the client has read
				for i := range n {
					_, text, err := c.Read(t.Context())
					if err != nil {
						t.Fatalf("answer %d: %v", i, err)
					}
					want := fmt.Sprintf(`{"sequenceNumber":%d,"response":{"requestId":%d,"type":"%sResponse"`, i, i, call)
					if got := string(text[:min(len(want), len(text))]); got != want {
						t.Fatalf("got %s, want %s…", text, want)
					}
				}
				if err := <-sent; err != nil {
					t.Error(err)
				}
			})
		})
	}
}
