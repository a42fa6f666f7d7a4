package main

import (
	"context"
	"io"
)

func matchmakingDump(ctx context.Context, args []string, stdout, _ io.Writer) error    { return nil }
func matchmakingExplain(ctx context.Context, args []string, stdout, _ io.Writer) error { return nil }
