package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/openpragma/engine/client"
	"github.com/openpragma/engine/internal/wire"
)

// tokenVariable has the operator's token, so that it need not stand in a command.
const tokenVariable = "PRAGMA_OPERATOR_TOKEN"

// live is a running server, as an operator reaches it.
type live struct {
	url, token, login, account string
	dial                       client.Options // for tests
}

func (l *live) flags(fs *flag.FlagSet) {
	fs.StringVar(&l.url, "url", "http://127.0.0.1:10200", "`address` of the operator gateway of the game backend")
	fs.StringVar(&l.token, "token", "", "game `token` of an operator; without it, "+tokenVariable+" from the environment")
	fs.StringVar(&l.login, "login", "", "`address` of the operator gateway of the social backend, to log in without a token; in development only")
	fs.StringVar(&l.account, "account", "test01", "`name` of the development account to log in with")
}

// operator is the operator that the flags name.
func (l *live) operator(ctx context.Context) (*client.Operator, error) {
	opts := client.OperatorOptions{Options: l.dial}
	opts.Game, opts.Social = l.url, l.login
	if token := cmp.Or(l.token, os.Getenv(tokenVariable)); token != "" {
		return client.OperatorWithTokens(opts, client.Tokens{Game: token}), nil
	}
	if l.login == "" {
		return nil, usageError{"who is asking? give -token, or " + tokenVariable + ", or in development -login http://127.0.0.1:11200"}
	}
	return client.NewOperator(ctx, opts, client.Unsafe(l.account, l.account))
}

// findQueue returns the id of a queue that is named by its id, its name, or not at
// all if there is only one.
func findQueue(ctx context.Context, o *client.Operator, name string) (string, error) {
	got, err := client.Call[wire.MatchmakingListQueuesOperatorV1Response](ctx, o.Game(), "MatchmakingRpc.ListQueuesOperatorV1", nil)
	if err != nil {
		return "", err
	}
	var found, known []string
	for _, q := range got.Queues {
		known = append(known, fmt.Sprintf("%s (%s): %d parties, %d games", q.QueueName, q.QueueID, q.PartiesInQueue, q.GameInstancesInQueue))
		if name == "" || q.QueueName == name || strings.EqualFold(q.QueueID, name) {
			found = append(found, q.QueueID)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(known) == 0:
		return "", errors.New("nobody waits in any queue")
	}
	return "", fmt.Errorf("choose a queue with -queue:\n  %s", strings.Join(known, "\n  "))
}

// millisOf is a duration of the wire.
func millisOf(ms wire.Int64) time.Duration { return time.Duration(ms) * time.Millisecond }
