package escs_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestSecretsAreReloaded(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config.yml")
	write := func(escs, matchmaking string) {
		text := "game: {serviceConfigs: {EscsConfig: {url: 'https://escs.test', gameId: g1" + escs + "}, ExternalMatchmakingServiceConfig: {cleanInterval: 10" + matchmaking + "}}}"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(", secret: first", "")
	onStage(t, props{file: file}, func(s *stage) {
		robin, marian := s.Peer("robin"), s.Peer("marian")
		body, err := json.Marshal(duel("set1", robin, marian).payload())
		if err != nil {
			t.Fatal(err)
		}
		try := func(step string, want map[string]int) {
			t.Helper()
			time.Sleep(20 * time.Second) // the files are looked at
			for secret, status := range want {
				got, _ := s.post(string(body), http.Header{"Escs-Game-Secret-Key": {secret}})
				alike(t, step+", "+secret, got, status)
			}
		}
		try("as it began", map[string]int{"first": 200, "second": 401})
		write("", ", secret: second") // in the other section now
		try("rotated", map[string]int{"first": 401, "second": 200})
		write("", "") // required
		try("missing", map[string]int{"first": 401, "second": 200})
		write(", secret: one", ", secret: other")
		try("said in two ways", map[string]int{"one": 401, "other": 401, "second": 200})
		write(", secret: third", "")
		try("good again", map[string]int{"second": 401, "third": 200})
	})
}
