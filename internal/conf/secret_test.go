package conf_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/conf"
)

func TestSecretNeverPrints(t *testing.T) {
	const password = conf.Secret("hunter2")
	type config struct{ Password conf.Secret }
	c := config{password}

	var outputs []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T|%v", "%10.3s", "%!"} {
		outputs = append(outputs, fmt.Sprintf(verb, password), fmt.Sprintf(verb, c), fmt.Sprintf(verb, &c),
			fmt.Sprintf(verb, []conf.Secret{password}), fmt.Sprintf(verb, map[conf.Secret]int{password: 1}))
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("loaded", "password", password, "config", c)
	}
	encoded, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	outputs = append(outputs, log.String(), string(encoded), password.String(), password.GoString())
	for _, out := range outputs {
		if strings.Contains(out, "hunter2") || strings.Contains(strings.ToLower(out), "68756e74") {
			t.Errorf("the secret shows in %q", out)
		}
	}
	if got, want := fmt.Sprintf("%v %s", c, password), "{***} ***"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := password.Reveal(); got != "hunter2" {
		t.Errorf("Reveal() = %q", got)
	}
}

func TestEmptySecretPrintsNothing(t *testing.T) {
	if got := fmt.Sprintf("<%v>", conf.Secret("")); got != "<>" {
		t.Errorf("got %q, want <>", got)
	}
}
