package archtest

import "strings"

// A Library is a dependency outside the standard library, and who may use it in
// code that ships. Tests may use every library of the list.
type Library struct {
	Path string   // a module, or the part of one that is allowed
	In   []string // patterns of packages; none: tests only
	Why  string
}

// Libraries returns what this module may import.
func Libraries() []Library {
	return []Library{
		{"github.com/coder/websocket", []string{"pragma", "client", "pragma/pragmatest", "cmd/pragma"}, "frames and handshake of RFC 6455 (ADR 5)"},
		{"github.com/coreos/go-oidc/v3/oidc", []string{"plugins/oidc"}, "discovery and ID tokens of OpenID Connect (ADR 13)"},
		{"github.com/go-jose/go-jose/v4", []string{"plugins/oidc"}, "the keys that an issuer publishes; the library above is built on it (ADR 13)"},
		{"github.com/go-json-experiment/json", everywhere(), "the only JSON library, for wire, records and studio messages (ADR 6)"},
		{"github.com/go-sql-driver/mysql", []string{"pragma/store/mysql", "internal/dbtest", "cmd/pragma"}, "the protocol of MySQL and MariaDB"},
		{"github.com/google/uuid", []string{"pragma"}, "random ids and their text form"},
		{"github.com/jackc/pgx/v5", []string{"pragma/store/postgres", "internal/dbtest", "cmd/pragma"}, "the protocol of PostgreSQL"},
		{"github.com/prometheus/client_golang", measured(), "metrics in the format operators collect; services register theirs with their Mount"},
		{"go.yaml.in/yaml/v4", []string{"internal/conf"}, "the documented configuration files, with line numbers"},
		{"golang.org/x/time/rate", []string{"pragma"}, "calls per second of a connection"},
		{"golang.org/x/sys", []string{"pragma/store/sqlite"}, "file locks and free space, which package os lacks"},
		{"google.golang.org/protobuf", []string{"pragma/ext"}, "studios whose messages are generated from .proto files"},
		{"modernc.org/sqlite", []string{"pragma/store/sqlite"}, "the embedded database, without cgo"},

		{"github.com/golang-jwt/jwt/v5", nil, "a second opinion on our tokens"},
		{"github.com/google/go-cmp", suites(), "readable differences"},
		{"go.uber.org/goleak", suites(), "goroutines that outlive a test"},
		{"pgregory.net/rapid", suites(), "random operations against a model, and shrinking of what fails"},
	}
}

func everywhere() []string { return []string{"*", "*/..."} }

// measured returns the packages with metrics of their own.
func measured() []string {
	return []string{"pragma", "pragma/entity", "pragma/account", "party", "gameinstance", "fleet", "matchmaking", "authcode", "escs"}
}

// suites returns the packages that are called by tests, for libraries that no
// server links.
func suites() []string {
	for _, r := range Ranks() {
		if r.Level == SuiteRank {
			return r.Packages
		}
	}
	return nil
}

func libraryOf(libs []Library, importPath string) (Library, bool) {
	for _, l := range libs {
		if importPath == l.Path || strings.HasPrefix(importPath, l.Path+"/") {
			return l, true
		}
	}
	return Library{}, false
}

// thirdParty reports whether an import path is outside the standard library.
func thirdParty(importPath string) bool {
	host, _, _ := strings.Cut(importPath, "/")
	return strings.Contains(host, ".")
}
