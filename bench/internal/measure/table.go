package measure

import (
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
)

// Table prints rows as Markdown whose columns line up.
type Table struct{ rows [][]string }

// NewTable begins a table.
func NewTable(header ...string) *Table {
	rule := make([]string, len(header))
	for i := range rule {
		rule[i] = "---"
	}
	return &Table{rows: [][]string{header, rule}}
}

// Row adds a row.
func (t *Table) Row(cells ...string) { t.rows = append(t.rows, cells) }

// Print writes the table to standard output.
func (t *Table) Print() {
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	for _, row := range t.rows {
		fmt.Fprintln(w, "| "+strings.Join(row, "\t| ")+"\t|")
	}
	w.Flush()
}
