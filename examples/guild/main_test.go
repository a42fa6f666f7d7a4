package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestVisitTellsItsStory(t *testing.T) {
	var out strings.Builder
	if err := demo(t.Context(), database(t), &out); err != nil {
		t.Fatal(err)
	}
	want := `robin founded Outlaws
marian cannot have the name a second time
marian joined, the guild has 2 members
the news: double points tonight
robin hears that the guild has 20 points
the operator sees Outlaws: 2 members, 20 points
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestLastPlaceInAGuildGoesToOne(t *testing.T) {
	build := func() *pragma.Server {
		srv := newServer()
		srv.Config = pragmatest.Config(t, `{game: {serviceConfigs: {GuildServiceConfig: {maxMembers: 3}}}}`)
		return srv
	}
	pragmatest.Run(t, build, func(w *pragmatest.World) {
		founder := w.LogIn("founder")
		if _, err := client.Call[GuildResponse](w.T.Context(), founder.GameConn(), "GuildRpc.CreateV1", &CreateRequest{Name: "Outlaws"}); err != nil {
			w.T.Fatal(err)
		}
		w.Restart()
		var wait sync.WaitGroup
		refused := make([]error, 6)
		for i := range refused {
			p := w.LogIn(fmt.Sprintf("player%d", i))
			wait.Go(func() {
				_, refused[i] = client.Call[GuildResponse](w.T.Context(), p.GameConn(), "GuildRpc.JoinV1", &JoinRequest{Name: "Outlaws"})
			})
		}
		wait.Wait()
		in := 0
		for _, err := range refused {
			switch {
			case err == nil:
				in++
			case !errors.Is(err, errFull):
				w.T.Errorf("got %v, want %v", err, errFull)
			}
		}
		if in != 2 {
			w.T.Errorf("%d players got in, want 2", in)
		}
	})
}

func TestCallsAreRefusedOnOtherGateways(t *testing.T) {
	pragmatest.Run(t, newServer, func(w *pragmatest.World) {
		p := w.LogIn("robin")
		for name, c := range map[string]client.Caller{
			"GuildRpc.AddPointsPartnerV1": p.GameConn(),
			"GuildRpc.ListOperatorV1":     p.GameConn(),
			"NewsRpc.WriteOperatorV1":     p.SocialConn(),
			"NewsRpc.ReadV1":              p.GameConn(),
		} {
			if _, err := client.Call[ListResponse](w.T.Context(), c, name, nil); !errors.Is(err, pragma.ErrWrongSessionType) {
				w.T.Errorf("%s: got %v, want %v", name, err, pragma.ErrWrongSessionType)
			}
		}
		for _, name := range []string{"", "a\nb", "#", strings.Repeat("x", 33)} {
			_, err := client.Call[GuildResponse](w.T.Context(), p.GameConn(), "GuildRpc.CreateV1", &CreateRequest{Name: name})
			if !errors.Is(err, errName) {
				w.T.Errorf("%q: got %v, want %v", name, err, errName)
			}
		}
	})
}

// database returns the configuration files of the store that tests are run on.
func database(t *testing.T) []string {
	config := pragmatest.DatabaseConfig(t)
	if config == "" {
		return nil
	}
	file := filepath.Join(t.TempDir(), "database.yml")
	if err := os.WriteFile(file, []byte("core: {databaseConfig: "+config+"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{file}
}
