package account_test

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/account"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// postbox keeps the mails it is to send.
type postbox struct {
	account.EmailSenderDefaults
	mu    sync.Mutex
	mails []account.SendVerificationEmailRequest
	fail  int // so many times
}

func (p *postbox) SendVerificationEmail(_ context.Context, r *account.SendVerificationEmailRequest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail > 0 {
		p.fail--
		return errors.New("the mail server is away")
	}
	p.mails = append(p.mails, *r)
	return nil
}

// last waits for what goes on and returns the last mail; there must be n.
func (p *postbox) last(t *testing.T, n int) account.SendVerificationEmailRequest {
	t.Helper()
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.mails) != n {
		t.Fatalf("%d mails, want %d", len(p.mails), n)
	}
	return p.mails[n-1]
}

// verify brings a token back and returns the status and the reason of a refusal.
func (w *world) verify(token string) (int, string) {
	w.T.Helper()
	resp, err := w.HTTP().Post("http://"+w.Address(socialPlayer)+"/v1/account/verifyemailv1", "application/json", strings.NewReader(`{"token":"`+token+`"}`))
	if err != nil {
		w.T.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.T.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), `"error":"`)
	reason, _, _ := strings.Cut(rest, `"`)
	return resp.StatusCode, reason
}

// email returns what GetAccountV1 says of the address.
func email(c *pragmatest.Raw) [2]any {
	got := c.Call("AccountRpc.GetAccountV1", nil)
	return [2]any{got["emailAddress"], got["emailVerified"]}
}

func TestEmailAddressIsVerifiedByTheTokenOfItsMail(t *testing.T) {
	box := &postbox{}
	runWith(t, func() *account.Service { return &account.Service{EmailSender: box} }, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		if got := email(c); got != [2]any{"robin@example.com", false} {
			t.Errorf("before: %v", got)
		}
		m := box.last(t, 1)
		if m.EmailAddress != "robin@example.com" || len(m.Token) != 43 || m.DisplayName.DisplayName != "robin" || m.Key == "" ||
			m.Expires.Sub(time.Date(2000, 1, 8, 0, 0, 0, 0, time.UTC)).Abs() > time.Second {
			t.Errorf("mail = %+v", m)
		}
		for range 2 { // people click twice
			if status, reason := w.verify(m.Token); status != 200 || reason != "" {
				t.Errorf("verify: %d %s", status, reason)
			}
		}
		if got := email(c); got != [2]any{"robin@example.com", true} {
			t.Errorf("after: %v", got)
		}
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		box.last(t, 1)
		if got := email(c); got != [2]any{"robin@example.com", true} {
			t.Errorf("the same address again: %v", got)
		}
		if strings.Contains(w.Logs(), m.Token) || strings.Contains(w.Logs(), "robin@example.com") {
			t.Error("the log has the token or the address")
		}
	})
}

func TestLinkOfAMailVerifiesToo(t *testing.T) {
	box := &postbox{}
	runWith(t, func() *account.Service { return &account.Service{EmailSender: box} }, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		for token, want := range map[string]int{"x": 400, box.last(t, 1).Token: 200} {
			resp, err := w.HTTP().Get("http://" + w.Address(socialPlayer) + "/v1/account/verifyemailv1?token=" + url.QueryEscape(token))
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != want {
				t.Errorf("%.5s: %d, want %d", token, resp.StatusCode, want)
			}
		}
		if got := email(c); got[1] != true {
			t.Error("not verified")
		}
	})
}

func TestTokensOfMailsAreChecked(t *testing.T) {
	box := &postbox{}
	runWith(t, func() *account.Service { return &account.Service{EmailSender: box} }, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "old@example.com"})
		old := box.last(t, 1).Token
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		now := box.last(t, 2).Token
		guess := now[:42] + "A"
		if guess == now {
			guess = now[:42] + "Q"
		}
		for name, token := range map[string]string{
			"none": "", "short": "AAAA", "of nobody": strings.Repeat("A", 43), "long": strings.Repeat("A", 1000),
			"no base64": strings.Repeat("!", 43), "of the old address": old, "guessed": guess, "with a rest": now + "A",
		} {
			if status, reason := w.verify(token); status != 400 || reason != "AccountService_TokenDecodeFailed" {
				t.Errorf("%s: %d %s", name, status, reason)
			}
		}
		if got := email(c); got != [2]any{"robin@example.com", false} {
			t.Errorf("got %v", got)
		}
	})
}

func TestEmailTokenLifeIsConfigured(t *testing.T) {
	box := &postbox{}
	var accounts *account.Service
	build := func() *pragma.Server {
		accounts = &account.Service{EmailSender: box}
		return &pragma.Server{
			Config: pragmatest.Config(t, "social: {serviceConfigs: {TokenSignerConfig: {emailTokenExpirationMinutes: 5}}}"),
			Social: []pragma.Service{accounts}, Game: []pragma.Service{&lab{}},
		}
	}
	pragmatest.Run(t, build, func(pw *pragmatest.World) {
		w := &world{World: pw}
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		m := box.last(pw.T, 1)
		time.Sleep(5 * time.Minute)
		if status, reason := w.verify(m.Token); status != 400 || reason != "AccountService_TokenExpired" {
			pw.T.Errorf("after five minutes: %d %s", status, reason)
		}
		if err := accounts.VerifyEmail(pw.T.Context(), m.Token); !errors.Is(err, account.ErrEmailTokenExpired) {
			pw.T.Errorf("VerifyEmail = %v", err)
		}
		if strings.Contains(w.Logs(), "has no effect") {
			pw.T.Error("the key is said to have no effect")
		}
	})
}

func TestMailIsTriedAgainAndSurvivesAKill(t *testing.T) {
	box := &postbox{fail: 2}
	runWith(t, func() *account.Service { return &account.Service{EmailSender: box} }, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		w.Kill()
		w.Start()
		time.Sleep(time.Minute)
		if status, reason := w.verify(box.last(t, 1).Token); status != 200 {
			t.Errorf("verify: %d %s", status, reason)
		}
	})
}

func TestMailThatIsUselessIsNotSent(t *testing.T) {
	box := &postbox{fail: 1}
	runWith(t, func() *account.Service { return &account.Service{EmailSender: box} }, func(t *testing.T, w *world) {
		c, social := w.openAs("UNSAFE", unsafeToken("robin"))
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "old@example.com"})
		synctest.Wait() // its mail has been tried, and failed
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		time.Sleep(time.Minute)
		if m := box.last(t, 1); m.EmailAddress != "robin@example.com" {
			t.Errorf("a mail went to %s", m.EmailAddress)
		}
		box.fail = 1
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin2@example.com"})
		synctest.Wait()
		if err := w.accounts.DeleteAccount(t.Context(), socialID(t, social["pragmaSocialId"].(string))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if m := box.last(t, 1); m.EmailAddress != "robin@example.com" {
			t.Errorf("a mail went to %s", m.EmailAddress)
		}
	})
}

func TestNobodyFloodsAMailbox(t *testing.T) {
	box := &postbox{}
	runWith(t, func() *account.Service { return &account.Service{EmailSender: box} }, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		for range account.MaxEmailsPerHour {
			c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
			time.Sleep(time.Second) // or the next one makes this one useless
		}
		if got := refused(t, c, "AccountRpc.UpdateEmailV1", object{"emailAddress": "marian@example.com"}); got != "AccountService_EmailSenderRequestError" {
			t.Errorf("got %s", got)
		}
		if got := email(c); got != [2]any{"robin@example.com", false} {
			t.Errorf("a refusal changed the address: %v", got)
		}
		time.Sleep(time.Hour)
		c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "marian@example.com"})
		box.last(t, account.MaxEmailsPerHour+1)
	})
}

func TestWithoutASenderAddressesStayUnverified(t *testing.T) {
	run(t, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		for range account.MaxEmailsPerHour + 2 {
			c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		}
		if got := email(c); got != [2]any{"robin@example.com", false} {
			t.Errorf("got %v", got)
		}
	})
}

func TestEmailAddressesAreChecked(t *testing.T) {
	asked := 0
	plugin := &hooks{note: func(hook string, _ any) {
		if hook == "OnAccountUpdate" {
			asked++
		}
	}}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin} }, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		for _, address := range []string{
			"", "robin", "@example.com", "robin@", "Robin <robin@example.com>", " robin@example.com", "robin@example.com\r\nBcc: x@example.com",
			"a@example.com,b@example.com", strings.Repeat("x", 250) + "@example.com", "robin@exa mple.com", "ro\x00bin@example.com",
		} {
			if got := refused(t, c, "AccountRpc.UpdateEmailV1", object{"emailAddress": address}); got != "AccountService_BadRequest" {
				t.Errorf("%.30q: got %s", address, got)
			}
		}
		if asked != 0 {
			t.Errorf("the plugin was asked %d times", asked)
		}
		for _, address := range []string{"robin@example.com", "r.o+b@sub.example.co.uk", "röbin@exämple.com"} {
			c.Call("AccountRpc.UpdateEmailV1", object{"emailAddress": address})
			if got := email(c); got[0] != address {
				t.Errorf("got %v, want %s", got, address)
			}
		}
	})
}

func TestPluginRefusesAnEmailAddress(t *testing.T) {
	var got account.UpdateRequest
	plugin := &hooks{refuse: map[string]error{"OnAccountUpdate": errStudio}, note: func(hook string, r any) {
		if u, ok := r.(*account.UpdateRequest); ok {
			got = *u
		}
	}}
	box := &postbox{}
	runWith(t, func() *account.Service { return &account.Service{Plugin: plugin, EmailSender: box} }, func(t *testing.T, w *world) {
		c, _ := w.openAs("UNSAFE", unsafeToken("robin"))
		f := ask(c, "AccountRpc.UpdateEmailV1", object{"emailAddress": "robin@example.com"})
		if f.ServiceError == nil || f.ServiceError.ExtError != "Studio_Refused" {
			t.Errorf("got %s", f)
		}
		want := account.UpdateRequest{Account: got.Account, Change: account.Change{EmailAddress: "robin@example.com"}, RequestedBy: pragma.Player}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if now := email(c); now != [2]any{"", false} {
			t.Errorf("it was stored: %v", now)
		}
	})
}
