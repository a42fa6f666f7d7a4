package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var updateGolden = flag.Bool("update", false, "rewrite the last part of testdata/*.txtar")

// TestConfigCheckGoldenFiles runs config check on the .yml parts of every file
// in testdata, in order. The last part is what it prints and its error.
func TestConfigCheckGoldenFiles(t *testing.T) {
	names, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, name := range names {
		golden, err := filepath.Abs(name)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			text, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			head, want, ok := strings.Cut(string(text), "-- result --\n")
			if !ok {
				t.Fatal("no result part")
			}
			t.Chdir(t.TempDir())
			got := checkParts(t, head)
			if *updateGolden {
				if err := os.WriteFile(golden, []byte(head+"-- result --\n"+got), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// checkParts writes the parts to the working directory and checks them.
func checkParts(t *testing.T, archive string) string {
	t.Helper()
	args := []string{"config", "check"}
	for _, part := range strings.Split("\n"+archive, "\n-- ")[1:] {
		name, text, ok := strings.Cut(part, " --\n")
		if !ok {
			t.Fatalf("part %q has no name", part)
		}
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), args, &stdout, &stderr)
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", stderr.String())
	}
	if err != nil {
		fmt.Fprintf(&stdout, "pragma: %v\n", err)
	}
	return stdout.String()
}

func TestConfigCheckNamesAFileThatIsMissing(t *testing.T) {
	t.Chdir(t.TempDir())
	var stdout bytes.Buffer
	err := run(t.Context(), []string{"config", "check", "gone.yml"}, &stdout, &stdout)
	if err == nil || !strings.Contains(stdout.String(), "gone.yml") {
		t.Errorf("config check = %v, prints %q", err, stdout.String())
	}
}

func TestConfigCheckOpensNothing(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Chdir(t.TempDir())
	taken := write(t, "taken.yml", fmt.Sprintf(`core: {gatewayManager: {game: {player: {address: %q}}}}`, l.Addr()))
	if got := output(t, "config", "check", taken); got != "ok\n" {
		t.Errorf("got %q for a port in use, want ok", got)
	}
	if files, _ := filepath.Glob("*"); len(files) > 0 {
		t.Errorf("files were made: %v", files)
	}
}

func TestConfigCheckStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout bytes.Buffer
	err := run(ctx, []string{"config", "check", write(t, "a.yml", "core: {nodeName: a}")}, &stdout, &stdout)
	if err == nil || stdout.Len() > 0 {
		t.Errorf("config check = %v, prints %q; want an error and nothing", err, stdout.String())
	}
}

func TestServeThatFailsOnItsConfigurationLeavesNoDatabase(t *testing.T) {
	t.Chdir(t.TempDir())
	wrong := write(t, "wrong.yml", "game: {serviceConfigs: {PartyConfig: {maxPlayersPerParty: many}}}")
	var out bytes.Buffer
	err := run(t.Context(), []string{"serve", "-config", wrong, "-db", "game.db"}, &out, &out)
	if err == nil || !contains(err, "maxPlayersPerParty") {
		t.Errorf("serve = %v, want an error that names the key", err)
	}
	if files, _ := filepath.Glob("*"); len(files) > 0 {
		t.Errorf("files were made: %v", files)
	}
}
