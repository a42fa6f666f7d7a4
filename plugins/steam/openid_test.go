package steam_test

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/plugins/steam"
	"github.com/openpragma/engine/pragma/account"
)

const (
	endpoint  = "https://steamcommunity.com" + openIDPath
	site      = "https://studio.example/steam"
	allFields = "signed,op_endpoint,claimed_id,identity,return_to,response_nonce,assoc_handle"
)

func withOpenID(c *steam.Config) {
	c.OpenID.Enabled, c.OpenID.ReturnTo = true, []string{"https://other.example/", site}
}

// assertion returns a good assertion with changes, as JSON.
func assertion(made time.Time, changes map[string]string) string {
	all := map[string]string{
		"ns": "http://specs.openid.net/auth/2.0", "mode": "id_res", "opEndpoint": endpoint,
		"claimedId": openIDStart + robin, "identity": openIDStart + robin, "returnTo": site + "?state=1",
		"responseNonce": made.UTC().Format(time.RFC3339) + "nOnCe=", "assocHandle": "1234567890", "signed": allFields, "sig": "good",
	}
	maps.Copy(all, changes)
	b, _ := json.Marshal(all)
	return string(b)
}

func TestAnAssertionNamesTheAccount(t *testing.T) {
	f := newFake(t)
	f.valid["good"] = true
	p := provider(f, withOpenID)
	token := assertion(time.Now(), nil)
	got, err := validate(t, p, token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&account.ProviderAccount{AccountID: robin, DisplayName: "Robin"}, got); diff != "" {
		t.Errorf("account (-want +got):\n%s", diff)
	}
	var sent map[string]string
	if err := json.Unmarshal([]byte(token), &sent); err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"openid.ns": {sent["ns"]}, "openid.mode": {"check_authentication"}, "openid.op_endpoint": {endpoint},
		"openid.claimed_id": {openIDStart + robin}, "openid.identity": {openIDStart + robin}, "openid.return_to": {site + "?state=1"},
		"openid.response_nonce": {sent["responseNonce"]}, "openid.assoc_handle": {"1234567890"}, "openid.signed": {allFields}, "openid.sig": {"good"},
	}
	if diff := cmp.Diff([]url.Values{want}, f.asked[openIDPath]); diff != "" {
		t.Errorf("question to Steam (-want +got):\n%s", diff)
	}
	_, err = validate(t, p, token)
	wantRefused(t, err, "used before")
	f.valid["good"] = true // Steam should say yes once; should it not, we remember
	_, err = validate(t, p, token)
	wantRefused(t, err, "the assertion was used before")
}

func TestAssertionsAreRefusedBeforeSteamIsAskedFor(t *testing.T) {
	without := func(field string) map[string]string {
		return map[string]string{"signed": strings.ReplaceAll(allFields, ","+field, "")}
	}
	for _, c := range []struct {
		name    string
		changes map[string]string
		want    string
	}{
		{"another endpoint", map[string]string{"opEndpoint": "https://evil.example/openid/login"}, "not from Steam"},
		{"the endpoint without TLS", map[string]string{"opEndpoint": strings.Replace(endpoint, "https", "http", 1)}, "not from Steam"},
		{"another site", map[string]string{"returnTo": "https://evil.example/steam"}, "another site"},
		{"a site below ours", map[string]string{"returnTo": site + "/../evil"}, "another site"},
		{"a site that begins like ours", map[string]string{"returnTo": site + ".evil.example"}, "another site"},
		{"a user at our site", map[string]string{"returnTo": "https://studio.example@evil.example/steam"}, "another site"},
		{"no site", map[string]string{"returnTo": ""}, "another site"},
		{"a fragment", map[string]string{"returnTo": site + "#a"}, "another site"},
		{"a site that is no address", map[string]string{"returnTo": "https://%zz"}, "another site"},
		{"no account", map[string]string{"claimedId": "", "identity": ""}, "does not name"},
		{"an account of another issuer", map[string]string{"claimedId": "https://evil.example/openid/id/" + robin, "identity": "https://evil.example/openid/id/" + robin}, "does not name"},
		{"an account without TLS", map[string]string{"claimedId": "http://steamcommunity.com/openid/id/" + robin}, "does not name"},
		{"an account with something after", map[string]string{"claimedId": openIDStart + robin + "/", "identity": openIDStart + robin + "/"}, "does not name"},
		{"an account with a line break", map[string]string{"claimedId": openIDStart + robin + "\n", "identity": openIDStart + robin + "\n"}, "does not name"},
		{"two accounts", map[string]string{"claimedId": openIDStart + john}, "does not name"},
		{"an answer that is no", map[string]string{"mode": "cancel"}, "positive answer"},
		{"an older protocol", map[string]string{"ns": "http://openid.net/signon/1.1"}, "positive answer"},
		{"an unsigned account", without("claimed_id"), "does not sign claimed_id"},
		{"an unsigned identity", without("identity"), "does not sign identity"},
		{"an unsigned site", without("return_to"), "does not sign return_to"},
		{"an unsigned nonce", without("response_nonce"), "does not sign response_nonce"},
		{"an unsigned endpoint", without("op_endpoint"), "does not sign op_endpoint"},
		{"a field that only ends like one", map[string]string{"signed": strings.ReplaceAll(allFields, "claimed_id", "x.claimed_id")}, "does not sign claimed_id"},
		{"nothing signed", map[string]string{"signed": ""}, "does not sign"},
		{"no signature", map[string]string{"sig": ""}, "not signed"},
		{"no handle", map[string]string{"assocHandle": ""}, "not signed"},
		{"no nonce", map[string]string{"responseNonce": ""}, "readable nonce"},
		{"a nonce without time", map[string]string{"responseNonce": strings.Repeat("x", 40)}, "readable nonce"},
		{"an endless nonce", map[string]string{"responseNonce": time.Now().UTC().Format(time.RFC3339) + strings.Repeat("x", 400)}, "readable nonce"},
		{"an old nonce", map[string]string{"responseNonce": "2020-01-01T00:00:00Zx"}, "too old"},
		{"a nonce to come", map[string]string{"responseNonce": "2999-01-01T00:00:00Zx"}, "future"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.valid["good"] = true
			_, err := validate(t, provider(f, withOpenID), assertion(time.Now(), c.changes))
			wantRefused(t, err, c.want)
			if n := f.total(); n != 0 {
				t.Errorf("Steam was asked %d times, want never", n)
			}
		})
	}
	f := newFake(t)
	_, err := validate(t, provider(f, nil), assertion(time.Now(), nil))
	wantRefused(t, err, "not accepted")
	for _, text := range []string{`{`, `{"sig":1}`, `{"sig":"a","sig":"b"}`, "{\"sig\":\"\xff\"}"} {
		_, err := validate(t, provider(f, withOpenID), text)
		wantRefused(t, err, "not readable")
	}
}

func TestOnlySteamsYesCounts(t *testing.T) {
	const ns = "ns:http://specs.openid.net/auth/2.0\n"
	for _, c := range []struct {
		name  string
		fault http.HandlerFunc
		cause string
	}{
		{"an error", reply(500, ns+"is_valid:true\n"), "status 500"},
		{"a redirect", http.RedirectHandler("https://evil.example", http.StatusTemporaryRedirect).ServeHTTP, "status 307"},
		{"a page that says so", reply(200, "<html>is_valid:true</html>"), "not of OpenID 2.0"},
		{"a yes without protocol", reply(200, "is_valid:true\n"), "not of OpenID 2.0"},
		{"a yes and a no", reply(200, ns+"is_valid:true\nis_valid:false\n"), "neither yes nor no"},
		{"three times yes", reply(200, ns+"is_valid:true\nis_valid:true\nis_valid:true\n"), "neither yes nor no"},
		{"perhaps", reply(200, ns+"is_valid: true\n"), "neither yes nor no"},
		{"silence", reply(200, ""), "not of OpenID 2.0"},
		{"an endless answer", reply(200, strings.Repeat("x", 2<<20)), "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.fail(openIDPath, c.fault)
			_, err := validate(t, provider(f, withOpenID), assertion(time.Now(), nil))
			wantPassing(t, err, c.cause)
		})
	}
	f := newFake(t)
	_, err := validate(t, provider(f, withOpenID), assertion(time.Now(), map[string]string{"sig": "forged"}))
	wantRefused(t, err, "does not know the assertion")
}

func TestRestrictionsHoldForAssertionsToo(t *testing.T) {
	restrict := func(c *steam.Config) {
		withOpenID(c)
		c.RestrictByAccountBan, c.RestrictByAppOwnership, c.AllowFamilySharing = true, true, false
	}
	for _, c := range []struct {
		name  string
		steam func(f *fake)
		want  string
	}{
		{"nothing against it", func(*fake) {}, ""},
		{"banned", func(f *fake) { f.vac[robin] = true }, "banned"},
		{"not owned", func(f *fake) { f.owns[robin] = false }, "does not own"},
		{"borrowed", func(f *fake) { f.lender = john }, "borrowed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFake(t)
			f.valid["good"] = true
			c.steam(f)
			_, err := validate(t, provider(f, restrict), assertion(time.Now(), nil))
			if c.want != "" {
				wantRefused(t, err, c.want)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTimeAroundAssertionsAndSteam(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		p := provider(f, withOpenID)
		for _, c := range []struct {
			age  time.Duration
			want string
		}{{0, ""}, {6 * time.Minute, ""}, {-time.Minute, ""}, {6*time.Minute + time.Second, "too old"}, {-time.Minute - time.Second, "future"}} {
			f.valid["good"] = true
			_, err := validate(t, p, assertion(time.Now().Add(-c.age), nil))
			if c.want != "" {
				wantRefused(t, err, c.want)
			} else if err != nil {
				t.Errorf("%v old: %v", c.age, err)
			}
		}
		for _, path := range []string{ticketPath, namesPath} {
			f.fail(path, hang)
			start := time.Now()
			_, err := validate(t, p, ticket)
			if got := time.Since(start); got != 1500*time.Millisecond {
				t.Errorf("%s hangs: an answer after %v, want 1.5s", path, got)
			}
			if path == ticketPath && !errors.Is(err, account.ErrProviderResponse) || path == namesPath && err != nil {
				t.Errorf("%s hangs: %v", path, err)
			}
			f.fail(path, nil)
		}
	})
}
