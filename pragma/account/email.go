package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	netmail "net/mail"
	"slices"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// EmailSender sends mails (engine §2.3, slot AccountService.emailSenderPlugin).
// Embed [EmailSenderDefaults] to implement it.
type EmailSender interface {
	// SendVerificationEmail sends a token to an address. Whoever brings the token
	// back to POST /v1/account/verifyemailv1 on the social player gateway, or to
	// [Service.VerifyEmail], has verified the address; a mail may also simply have
	// the link /v1/account/verifyemailv1?token=… of that gateway.
	//
	// It is called after the address was stored and the player answered, with ten
	// seconds time. After an error it is called again, with a growing wait, for up
	// to a day or until the address changes; one marked with [entity.Permanent]
	// ends that. After a crash it may be called again for a mail that was sent.
	// Calls run at the same time.
	SendVerificationEmail(ctx context.Context, r *SendVerificationEmailRequest) error

	mustEmbedEmailSenderDefaults()
}

// EmailSenderDefaults sends nothing: the address stays unverified. Every
// [EmailSender] embeds it.
type EmailSenderDefaults struct{}

var _ EmailSender = EmailSenderDefaults{}

// SendVerificationEmail does nothing.
func (EmailSenderDefaults) SendVerificationEmail(context.Context, *SendVerificationEmailRequest) error {
	return nil
}

func (EmailSenderDefaults) mustEmbedEmailSenderDefaults() {}

// SendVerificationEmailRequest is for [EmailSender.SendVerificationEmail].
type SendVerificationEmailRequest struct {
	EmailAddress string
	// Token is 43 letters, digits, - and _. It is good until Expires or until the
	// account asks for another mail, and must not be logged.
	Token   string
	Expires time.Time
	// DisplayName is whose address it is said to be.
	DisplayName pragma.DisplayName
	// Key names the mail: the same in every repetition.
	Key string
}

// MaxEmailsPerHour is how many verification mails one account may cause, so that
// nobody can flood a stranger's mailbox.
const MaxEmailsPerHour = 5

// emailCheck is what an account knows of the token that verifies its address.
type emailCheck struct {
	Hash    string      `json:"hash"` // of the secret; empty: there is none
	Expires time.Time   `json:"expires"`
	Sent    []time.Time `json:"sent,omitzero"` // mails of the last hour
}

// mail is a mail on its way.
type mail struct {
	SocialID pragma.SocialID `json:"socialId"`
	Secret   emailSecret     `json:"secret"`
}

// emailSecret is the part of a token that nobody can guess. It is stored in the
// clear only until the mail was sent.
type emailSecret [16]byte

// MarshalText implements [encoding.TextMarshaler].
func (s emailSecret) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, s[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *emailSecret) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(s)) {
		return errors.New("want 32 hex digits")
	}
	_, err := hex.Decode(s[:], text)
	return err
}

func (s emailSecret) hash() string {
	sum := sha256.Sum256(s[:])
	return hex.EncodeToString(sum[:])
}

// emailToken is what a mail has in it: whose address, and the secret.
func emailToken(id pragma.SocialID, secret emailSecret) string {
	return base64.RawURLEncoding.EncodeToString(append(id[:], secret[:]...))
}

func parseEmailToken(token string) (id pragma.SocialID, secret emailSecret, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != len(id)+len(secret) {
		return id, secret, ErrEmailToken
	}
	copy(secret[:], raw[copy(id[:], raw):])
	return id, secret, nil
}

func (s *Service) handleEmail(m *pragma.Mount) {
	pragma.HandlePlayer(m, "UpdateEmailV1", s.updateEmail)
	m.HandleHTTP(pragma.Player, "POST /v1/account/verifyemailv1", http.HandlerFunc(s.serveVerifyEmail))
	m.HandleHTTP(pragma.Player, "GET /v1/account/verifyemailv1", http.HandlerFunc(s.serveVerifyLink))
	s.mails = entity.NewLane(m, "account-email", entity.LaneOptions[mail, struct{}]{Deliver: s.sendMail})
}

// updateEmail keeps an address of the caller's, unverified, and has a mail sent
// to it. The same address again sends another mail unless it is verified.
func (s *Service) updateEmail(ctx context.Context, p *pragma.PlayerSession, req *wire.AccountUpdateEmailV1Request) (*wire.Empty, error) {
	if err := checkEmail(req.EmailAddress); err != nil {
		return nil, err
	}
	return nil, s.update(ctx, p.SocialID, Change{EmailAddress: req.EmailAddress}, pragma.Player, func(tx *entity.Tx, acc *state) error {
		if acc.EmailAddress == req.EmailAddress && acc.EmailVerified {
			return nil
		}
		acc.EmailAddress, acc.EmailVerified = req.EmailAddress, false
		acc.EmailCheck.Hash, acc.EmailCheck.Expires = "", time.Time{}
		if s.EmailSender == nil {
			return nil
		}
		return s.writeMail(tx, acc)
	})
}

// writeMail makes a token for the account's address and sends it after the commit.
func (s *Service) writeMail(tx *entity.Tx, acc *state) error {
	check, now := &acc.EmailCheck, tx.Now()
	check.Sent = slices.DeleteFunc(check.Sent, func(t time.Time) bool { return now.Sub(t) >= time.Hour })
	if len(check.Sent) >= MaxEmailsPerHour {
		return ErrTooManyEmails
	}
	var secret emailSecret
	rand.Read(secret[:])
	check.Hash, check.Expires, check.Sent = secret.hash(), now.Add(s.m.EmailTokenLife()), append(check.Sent, now)
	return s.mails.Call(tx, check.Hash, mail{acc.SocialID, secret})
}

// sendMail has the plugin send a mail, unless a later change has made it useless.
func (s *Service) sendMail(ctx context.Context, c *entity.Call[mail]) (none struct{}, err error) {
	acc, err := s.account(ctx, c.Request.SocialID)
	switch {
	case errors.Is(err, ErrNotFound):
		return none, nil
	case err != nil:
		return none, err
	case s.EmailSender == nil || acc.EmailVerified || acc.EmailCheck.Hash != c.Key || !time.Now().Before(acc.EmailCheck.Expires):
		return none, nil
	}
	return none, s.EmailSender.SendVerificationEmail(ctx, &SendVerificationEmailRequest{
		EmailAddress: acc.EmailAddress,
		Token:        emailToken(acc.SocialID, c.Request.Secret),
		Expires:      acc.EmailCheck.Expires,
		DisplayName:  acc.DisplayName,
		Key:          c.Key,
	})
}

// VerifyEmail takes back a token that [EmailSender.SendVerificationEmail] was
// given: the address it was sent to is the account's, and verified from now on.
// It returns [ErrEmailToken] or [ErrEmailTokenExpired] for one that is not good.
// The same token may come again until it expires. It is safe for concurrent use.
func (s *Service) VerifyEmail(ctx context.Context, token string) error {
	id, secret, err := parseEmailToken(token)
	if err != nil {
		return err
	}
	err = s.accounts.all.Update(ctx, id.String(), func(tx *entity.Tx, acc *state) error {
		check := acc.EmailCheck
		switch {
		case subtle.ConstantTimeCompare([]byte(check.Hash), []byte(secret.hash())) != 1:
			return ErrEmailToken
		case !tx.Now().Before(check.Expires):
			return ErrEmailTokenExpired
		}
		acc.EmailVerified = true
		return nil
	})
	if errors.Is(err, entity.ErrNotFound) {
		return ErrEmailToken
	}
	return accountError("verify e-mail address", err)
}

// serveVerifyEmail is for a page of the studio that a mail leads to.
func (s *Service) serveVerifyEmail(w http.ResponseWriter, r *http.Request) {
	req, err := pragma.ReadHTTP[wire.VerifyEmailV1Request](w, r)
	if err == nil {
		err = s.VerifyEmail(r.Context(), req.Token)
	}
	if err != nil {
		s.m.RefuseHTTP(w, verifyStatus(err), err)
		return
	}
	s.m.AnswerHTTP(w, &wire.Empty{})
}

// serveVerifyLink is for a mail that has the link itself.
func (s *Service) serveVerifyLink(w http.ResponseWriter, r *http.Request) {
	err := s.VerifyEmail(r.Context(), r.URL.Query().Get("token"))
	if err != nil {
		s.m.RefuseHTTP(w, verifyStatus(err), err)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.Header().Set("Referrer-Policy", "no-referrer") // the token is in the address
	_, _ = w.Write([]byte("The e-mail address is verified.\n"))
}

func verifyStatus(err error) int {
	e, ok := errors.AsType[*pragma.Error](err)
	switch {
	case ok && e.Is(pragma.ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case ok && e.Code == pragma.InvalidArgument:
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

// maxEmail is how long an address may be, in bytes (RFC 5321).
const maxEmail = 254

// checkEmail refuses what is no address such as robin@example.com.
func checkEmail(address string) error {
	parsed, err := netmail.ParseAddress(address)
	if err != nil || parsed.Address != address || parsed.Name != "" || len(address) > maxEmail {
		return ErrBadRequest.With("this is no e-mail address")
	}
	return nil
}
