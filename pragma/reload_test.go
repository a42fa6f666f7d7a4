package pragma_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

func TestConfigurationIsReloadedWhileTheServerRuns(t *testing.T) {
	file := filepath.Join(t.TempDir(), "game.yml")
	write := func(yaml string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{core: {session: {playerBurst: 2, playerRatePerSecond: 1}}, game: {serviceConfigs: {GuildConfig: {maxMembers: 7}}}}`)
	g := &guild{plugin: &banner{}}
	l := (*lab)(nil)
	build := func() *pragma.Server {
		cfg, err := pragma.LoadConfig(file)
		if err != nil {
			t.Fatal(err)
		}
		l = newLab()
		return &pragma.Server{Config: cfg, Game: []pragma.Service{l, g}}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w, t := &world{pw, l}, pw.T
		var changes []int
		g.config.OnChange(func(before, after guildConfig) { changes = append(changes, before.MaxMembers, after.MaxMembers) })
		r := w.robin()
		token, _ := r.login()
		c := w.Raw(gamePlayer, token)
		burst := func() (allowed int) {
			call(c, "PlayerSessionRpc.HeartbeatV1", nil) // new limits are taken with the next frame
			time.Sleep(time.Minute)
			for range 10 {
				if f := call(c, "LabRpc.SayV1", said{}); f.Response != nil {
					allowed++
				}
			}
			return allowed
		}
		if got := burst(); got != 2 {
			t.Errorf("%d calls were allowed, want 2", got)
		}

		write(`{core: {session: {playerBurst: 5, playerRatePerSecond: 1}}, game: {serviceConfigs: {GuildConfig: {maxMembers: 9}}}}`)
		time.Sleep(6 * time.Second)
		if got := g.config.Load().MaxMembers; got != 9 {
			t.Errorf("maxMembers = %d after the reload, want 9", got)
		}
		if got := burst(); got != 5 {
			t.Errorf("%d calls were allowed on the open socket, want 5", got)
		}
		if len(changes) != 2 || changes[0] != 7 || changes[1] != 9 {
			t.Errorf("OnChange saw %v, want 7 and 9", changes)
		}

		write(`{core: {session: {playerBurst: 1, idleTimeoutSeconds: 3}}, game: {serviceConfigs: {GuildConfig: {maxMembers: many}}}}`)
		time.Sleep(6 * time.Second)
		if got := g.config.Load().MaxMembers; got != 9 {
			t.Errorf("maxMembers = %d after a wrong file, want the last good value", got)
		}
		if got := burst(); got != 5 {
			t.Errorf("%d calls were allowed after a wrong file, want 5", got)
		}
		for _, want := range []string{"game.yml", "maxMembers", "idleTimeoutSeconds"} {
			if !strings.Contains(w.Logs(), want) {
				t.Errorf("the log does not mention %s", want)
			}
		}

		write(`{core: {nodeName: other}, game: {serviceConfigs: {GuildConfig: {maxMembers: 11}}}}`)
		time.Sleep(6 * time.Second)
		if got := g.config.Load().MaxMembers; got != 11 {
			t.Errorf("maxMembers = %d, want 11", got)
		}
		if !strings.Contains(w.Logs(), "needs a restart") {
			t.Error("the log does not say that the node name needs a restart")
		}
		if got := w.post(gamePlayer, token, sayFrame); got.Status != http.StatusOK {
			t.Errorf("status = %d", got.Status)
		}
	})
}
