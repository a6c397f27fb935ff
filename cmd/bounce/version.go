package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersion(g *globals) *cobra.Command {
	var asJSON bool
	cmd := verb(&cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Print the version of bounce, its commit, the version of Go and the platform.",
		Args:  takes(0, 0),
	}, func(context.Context, []string) error {
		commit := "unknown"
		if info, ok := debug.ReadBuildInfo(); ok {
			for _, s := range info.Settings {
				if s.Key == "vcs.revision" {
					commit = s.Value
				}
			}
		}
		platform := runtime.GOOS + "/" + runtime.GOARCH
		if asJSON {
			return json.NewEncoder(g.out).Encode(map[string]string{
				"version": version, "commit": commit, "go": runtime.Version(), "platform": platform,
			})
		}
		_, err := fmt.Fprintf(g.out, "bounce %s (commit %s, %s, %s)\n", version, commit, runtime.Version(), platform)
		return err
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}
