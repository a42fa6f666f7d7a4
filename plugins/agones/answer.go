package agones

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/openpragma/engine/internal/outbound"
	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/entity"
)

// Errors of [Plugin.StartAllocationForGameInstance].
var (
	// ErrNoGameServer is an allocation for which no server was ready during
	// [Config.PatienceMillis].
	ErrNoGameServer = errors.New("agones: no game server is ready")
	// ErrRefused is an allocation that the allocator does not want to make, such as
	// for a namespace it may not use.
	ErrRefused = errors.New("agones: the allocator refuses")
)

// gameServer is what an allocator says of a server. It also says the annotations,
// which have the tokens; they are not read.
type gameServer struct {
	Name     string `json:"gameServerName"`
	Address  string `json:"address"`
	NodeName string `json:"nodeName"`
	Source   string `json:"source"`
	Ports    []struct {
		Name string `json:"name"`
		Port int32  `json:"port"`
	} `json:"ports"`
}

// LogValue implements [slog.LogValuer].
func (s *gameServer) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("name", s.Name), slog.String("address", s.Address), slog.String("node", s.NodeName), slog.String("source", s.Source)}
	for _, p := range s.Ports {
		attrs = append(attrs, slog.Int("port."+p.Name, int(p.Port)))
	}
	return slog.GroupValue(attrs...)
}

// read says what an answer means: a server, nil for none, or an error, which is
// [pragma.ErrUnavailable] when it may pass.
func (c *Config) read(a *outbound.Answer) (*gameServer, error) {
	switch {
	case a.Status == http.StatusTooManyRequests, a.Status == c.UnallocatedStatusCode && a.Status != http.StatusOK:
		return nil, nil
	case a.Status == http.StatusOK:
		return readServer(a.Body)
	case a.Status == http.StatusConflict:
		return nil, unavailable("agones: the allocator is too busy", a)
	case a.Status == http.StatusRequestTimeout, a.Status == 425, a.Status == 499:
		return nil, unavailable("agones: the allocator had no time", a)
	case a.Status >= 500 && !invalid(a.Body):
		return nil, unavailable("agones: the allocator is in trouble", a)
	}
	return nil, fmt.Errorf("%w: status %d", ErrRefused, a.Status)
}

// readServer reads the body of an allocation. Without a readable one a server may
// have been allocated or not: the next attempt finds out.
func readServer(body []byte) (*gameServer, error) {
	var s gameServer
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, pragma.ErrUnavailable.With("agones: the answer of the allocator cannot be read")
	}
	if s.Name == "" { // an allocator whose status for this is 200
		return nil, nil
	}
	return &s, nil
}

// invalid reports whether a failure is the allocator's way to say that the request
// is not valid: the status of Kubernetes stands where one of gRPC is expected, so
// that the gateway knows nothing better than 500.
func invalid(body []byte) bool {
	var status struct {
		Code int `json:"code"`
	}
	if json.Unmarshal(body, &status) != nil {
		return false
	}
	switch status.Code {
	case http.StatusRequestTimeout, http.StatusConflict, http.StatusTooManyRequests:
		return false
	}
	return status.Code >= 400 && status.Code < 500
}

// unavailable is an error that may pass. If the allocator says when, the next
// attempt is made then.
func unavailable(text string, a *outbound.Answer) error {
	err := pragma.ErrUnavailable.With("%s: status %d", text, a.Status)
	if wait, ok := a.RetryAfter(); ok {
		return entity.RetryAfter(err, min(wait, maxRetryAfter))
	}
	return err
}

// maxRetryAfter is the longest wait an allocator can ask for. With more, the
// allocation would be over before the next attempt.
const maxRetryAfter = 30 * time.Second

// none says that no server is ready, which is worth waiting for at first.
func (c *Config) none(requested time.Time) error {
	if !requested.IsZero() && time.Since(requested) >= millis(c.PatienceMillis) {
		return ErrNoGameServer
	}
	wait := millis(c.RetryMillis)
	wait += rand.N(wait/2) - wait/4 // or all games of a burst come back at the same time
	return entity.RetryAfter(pragma.ErrUnavailable.With("agones: no game server is ready yet"), wait.Truncate(time.Millisecond))
}
