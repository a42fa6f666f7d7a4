package outbound_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/openpragma/engine/internal/outbound"
)

func get(t *testing.T, ctx context.Context, c *http.Client, url string) (*outbound.Answer, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return outbound.Do(c, req)
}

func TestAnswersAreReadWhole(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/long":
			w.Header().Set("Content-Length", "99999999")
		case "/endless":
			for range 20 {
				_, _ = io.WriteString(w, strings.Repeat("x", outbound.MaxBody/10))
			}
		case "/away":
			http.Redirect(w, r, "/", http.StatusFound)
		default:
			_, _ = io.WriteString(w, strings.Repeat("y", outbound.MaxBody))
		}
	}))
	defer srv.Close()
	c := outbound.NewClient(nil)
	defer c.CloseIdleConnections()
	if a, err := get(t, t.Context(), c, srv.URL); err != nil || a.Status != 200 || len(a.Body) != outbound.MaxBody {
		t.Errorf("as long as may be: %v", err)
	}
	if a, err := get(t, t.Context(), c, srv.URL+"/away"); err != nil || a.Status != http.StatusFound {
		t.Errorf("a redirect: %+v, %v; want it not followed", a, err)
	}
	for _, path := range []string{"/long", "/endless"} {
		if _, err := get(t, t.Context(), c, srv.URL+path); !errors.Is(err, outbound.ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", path, err)
		}
	}
}

func TestErrorsDoNotNameTheAddress(t *testing.T) {
	c := outbound.NewClient(nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("gone"))
	for _, ctx := range []context.Context{t.Context(), ctx} {
		_, err := get(t, ctx, c, "http://127.0.0.1:1/path?key=hush")
		if err == nil || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "path") {
			t.Errorf("got %v, want an error without the address", err)
		}
	}
}

func TestAQuarterOfTheTimeIsLeftForTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		limited, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		for _, c := range []struct {
			name string
			ctx  context.Context
			d    time.Duration
			want time.Duration
		}{
			{"no deadline", t.Context(), time.Minute, time.Minute},
			{"a later one", limited, time.Second, time.Second},
			{"an earlier one", limited, time.Minute, 1500 * time.Millisecond},
		} {
			ctx, cancel := outbound.Within(c.ctx, c.d)
			if end, ok := ctx.Deadline(); !ok || time.Until(end) != c.want {
				t.Errorf("%s: %v left, want %v", c.name, time.Until(end), c.want)
			}
			cancel()
		}
	})
}

func TestAddressesOfServices(t *testing.T) {
	for _, c := range []struct {
		url                  string
		production, loopback bool
	}{
		{"https://example.com", true, true},
		{"https://example.com:8443/a/b", true, true},
		{"HTTPS://example.com/", true, true},
		{"http://127.0.0.1:80/a", false, true},
		{"http://[::1]/", false, true},
		{"http://localhost:5556/dex", false, true},
		{"http://example.com", false, false},
		{"http://localhost.example.com", false, false},
		{"http://127.0.0.1.example.com", false, false},
		{"http://2130706433/", false, false},
		{"https://user@example.com", false, false},
		{"https://example.com/?", false, false},
		{"https://example.com/?a=b", false, false},
		{"https://example.com/#a", false, false},
		{"https:///a", false, false},
		{"https://:443", false, false},
		{"ftp://example.com", false, false},
		{"example.com", false, false},
		{"", false, false},
		{"https://%zz", false, false},
	} {
		if got := outbound.CheckURL(c.url, false) == nil; got != c.production {
			t.Errorf("%q: allowed %v, want %v", c.url, got, c.production)
		}
		if got := outbound.CheckURL(c.url, true) == nil; got != c.loopback {
			t.Errorf("%q with loopback: allowed %v, want %v", c.url, got, c.loopback)
		}
	}
}

func TestServicesSayWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(http.TimeFormat) }
		for _, c := range []struct {
			name, header string
			want         time.Duration
			ok           bool
		}{
			{"seconds", "17", 17 * time.Second, true},
			{"at once", "0", 0, true},
			{"far too long", "4294967295", 24 * time.Hour, true},
			{"a date", in(time.Minute), time.Minute, true},
			{"a date that is over", in(-time.Hour), 0, true},
			{"a date far away", in(9999 * time.Hour), 24 * time.Hour, true},
			{"nothing", "", 0, false},
			{"less than nothing", "-1", 0, false},
			{"more than fits", "99999999999", 0, false},
			{"garbage", "soon", 0, false},
		} {
			a := &outbound.Answer{Header: http.Header{"Retry-After": {c.header}}}
			if got, ok := a.RetryAfter(); got != c.want || ok != c.ok {
				t.Errorf("%s: got %v, %v; want %v, %v", c.name, got, ok, c.want, c.ok)
			}
		}
		if _, ok := new(outbound.Answer).RetryAfter(); ok {
			t.Error("an answer without headers asks to come back")
		}
	})
}
