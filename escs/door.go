package escs

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/openpragma/engine/internal/wire"
	"github.com/openpragma/engine/pragma"
)

// The two doors by which set starts come in (escs E3).

// errCaller is a set start from an address, or with a credential, that may not
// bring any.
var errCaller = &pragma.Error{Code: pragma.PermissionDenied, Reason: "AccountService_Unauthorized", Message: "not allowed to bring set starts", HTTPStatus: http.StatusForbidden}

// setStartV1 takes a set start of a trusted server, whose token the gateway has
// checked.
func (s *Service) setStartV1(ctx context.Context, _ *pragma.PartnerSession, req *wire.ExternalMatchmakingSetStartV1Request) (*wire.Empty, error) {
	if !s.cfg.Load().mayCall(pragma.ClientAddress(ctx)) {
		return nil, errCaller
	}
	return nil, s.setStart(ctx, &req.SetStart)
}

// mayCall reports whether set starts are taken from an address.
func (c *Config) mayCall(from netip.Addr) bool {
	return len(c.AllowedCallerCIDRs) == 0 ||
		slices.ContainsFunc(c.AllowedCallerCIDRs, func(n netip.Prefix) bool { return n.Contains(from) })
}

// secretHeader is the header in which the platform sends the secret of the game.
const secretHeader = "escs-game-secret-key"

// knows reports whether a request has one of the credentials that are configured.
// It takes as long for every wrong one.
func (c *Config) knows(h http.Header) bool {
	scheme, token, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		token = ""
	}
	return sameSecret(strings.TrimSpace(token), c.SetStartAuthToken)|sameSecret(h.Get(secretHeader), c.Secret) == 1
}

// sameSecret is 0 for an empty secret: that lets nobody in.
func sameSecret(got string, want pragma.Secret) int {
	x, y := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(want.Reveal()))
	same := subtle.ConstantTimeCompare(x[:], y[:])
	if want == "" {
		return 0
	}
	return same
}

// startTimeout is how long a plain set start may take.
const startTimeout = 5 * time.Second

// serveSetStart takes a set start that comes as a plain HTTP request.
func (s *Service) serveSetStart(w http.ResponseWriter, r *http.Request) {
	cfg := s.cfg.Load()
	switch {
	case !cfg.mayCall(pragma.ClientAddress(r.Context())):
		s.m.RefuseHTTP(w, http.StatusForbidden, errCaller)
		return
	case !cfg.knows(r.Header):
		s.m.RefuseHTTP(w, http.StatusUnauthorized, pragma.ErrTokenDecode.With("no valid token or secret"))
		return
	}
	in, err := readSetStart(w, r, int64(cfg.MaxSetStartBytes))
	if err == nil {
		ctx, cancel := context.WithTimeout(r.Context(), startTimeout)
		err = s.setStart(ctx, in)
		cancel()
	}
	switch {
	case err == nil:
		s.m.AnswerHTTP(w, &wire.Empty{})
	case errors.Is(err, pragma.ErrTooLarge):
		s.m.RefuseHTTP(w, http.StatusRequestEntityTooLarge, err)
	case errors.Is(err, pragma.ErrMalformed):
		s.m.RefuseHTTP(w, http.StatusBadRequest, err)
	default:
		s.m.RefuseHTTP(w, http.StatusServiceUnavailable, err)
	}
}

// readSetStart reads the body whatever it says it is: the other side's headers are
// not known.
func readSetStart(w http.ResponseWriter, r *http.Request, most int64) (*wire.EscsSetStart, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, pragma.ErrTooLarge
	}
	if err != nil {
		return nil, pragma.ErrMalformed.With("cannot read the body").Wrap(err)
	}
	in := new(wire.EscsSetStart)
	if err := wire.Unmarshal(body, in); err != nil {
		return nil, pragma.ErrMalformed.With("%v", err).Wrap(err)
	}
	return in, nil
}
