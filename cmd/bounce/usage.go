package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"bounce/internal/control"
)

// writeUsage prints what services use, and the most that was seen of it.
func writeUsage(w io.Writer, st control.Status) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\nSERVICE\tPROCESSES\tMEMORY\tMAX\tCPU\tMAX\tTHREADS\tMAX\tFILES\tMAX")
	for _, s := range st.Services {
		u := s.Usage
		if u == nil {
			fmt.Fprintf(tw, "%s\t-\t-\t-\t-\t-\t-\t-\t-\t-\n", s.Name)
			continue
		}
		fmt.Fprintf(tw, "%s\t%d\t%s\t%s\t%.1f%%\t%.1f%%\t%d\t%d\t%d\t%d\n", s.Name, u.Processes,
			size(u.RSS), size(u.Max.RSS), u.CPU, u.Max.CPU, u.Threads, u.Max.Threads, u.FDs, u.Max.FDs)
	}
	return tw.Flush()
}

// size writes a number of bytes for people.
func size(n int64) string {
	const mb = 1 << 20
	if n >= 10<<30 {
		return fmt.Sprintf("%.1fGB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%.1fMB", float64(n)/mb)
}
