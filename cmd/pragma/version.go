package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
)

// printVersion prints what this program was built from.
func printVersion(_ context.Context, args []string, stdout, _ io.Writer) error {
	if err := parse(flags("version"), args, "", stdout); err != nil {
		return err
	}
	version, revision := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		revision = revisionOf(info.Settings)
	}
	fmt.Fprintf(stdout, "pragma %s%s, %s %s/%s\n", version, revision, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}

// revisionOf names the commit, if the build knows one.
func revisionOf(settings []debug.BuildSetting) string {
	revision, modified := "", ""
	for _, s := range settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = " with changes"
		}
	}
	if revision == "" {
		return ""
	}
	return fmt.Sprintf(" (revision %s%s)", revision, modified)
}
