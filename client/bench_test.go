package client_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openpragma/engine/client"
)

func benchPlayer(b *testing.B) (*fake, *client.Player) {
	b.Helper()
	f := newFake(b)
	p, err := client.LogIn(b.Context(), f.options(), client.Unsafe("robin", "Robin"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	return f, p
}

// BenchmarkCall is a round trip to a server that does nothing, over a pipe in memory.
func BenchmarkCall(b *testing.B) {
	f, p := benchPlayer(b)
	f.on("Some.CallV1", answer(`{}`))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.Call[struct{}](b.Context(), p.GameConn(), "Some.CallV1", nil); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGameUpdate is one changed entry of a game on its way from the server
// into the state of a player, by the number of entries the game has.
func BenchmarkGameUpdate(b *testing.B) {
	for _, entries := range []int{10, 1000} {
		b.Run(fmt.Sprint(entries, " entries"), func(b *testing.B) {
			f, p := benchPlayer(b)
			sock := make(chan *fakeSocket, 1)
			f.on("Some.CallV1", func(c *fakeCall) {
				sock <- c.sock
				c.reply(`{}`)
			})
			if _, err := client.Call[struct{}](b.Context(), p.GameConn(), "Some.CallV1", nil); err != nil {
				b.Fatal(err)
			}
			s := <-sock
			var data []string
			for i := range entries {
				data = append(data, fmt.Sprintf(`{"scope":"INSTANCE","key":"k%d","data":{"n":1}}`, i))
			}
			whole := strings.Replace(game(gameA, 1), `"data":[`, `"data":[`+strings.Join(data, ",")+`,`, 1)
			s.notify(addedToGame, `{"gameInstanceId":"`+gameA+`","ext":{},"gameInstance":`+whole+`}`)
			sub := p.Subscribe()
			v := 1
			b.ReportAllocs()
			for b.Loop() {
				s.notify(gameUpdated, updated(gameA, v, v+1))
				v++
				if _, err := client.Await[client.GameUpdated](b.Context(), sub, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
