package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of a call.
const (
	// HeaderTimestamp is when the call was signed, in seconds since 1970, UTC.
	HeaderTimestamp = "Pragma-Webhook-Timestamp"
	// HeaderSignature has one signature for each key: keyId=hex, separated by commas.
	HeaderSignature = "Pragma-Webhook-Signature"
	// HeaderIdempotencyKey repeats what [Call.IdempotencyKey] says.
	HeaderIdempotencyKey = "Idempotency-Key"
)

// version is the first line of what is signed.
const version = "pragma-webhook-v1"

// maxSignatures is how many keys may sign at a time.
const maxSignatures = 2

// signature signs a body with a secret.
func signature(secret, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(version + "\n" + timestamp + "\n")) // cannot fail
	mac.Write(body)
	return mac.Sum(nil)
}

// sign puts timestamp and signatures into the headers of a call.
func sign(h http.Header, keys []Key, now time.Time, body []byte) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	var all []string
	for _, k := range keys {
		all = append(all, k.KeyID+"="+hex.EncodeToString(signature(k.Secret.Reveal(), timestamp, body)))
	}
	h.Set(HeaderTimestamp, timestamp)
	h.Set(HeaderSignature, strings.Join(all, ","))
}
