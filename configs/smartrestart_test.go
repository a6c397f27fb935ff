package configs

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestReadsWhatSmartRestartReads compares rule files with what smart-restart
// 0.1.0 made of them, recorded by record.py beside the cases. What it refuses
// we refuse. Where we are stricter, the section "refused" has our mistakes.
func TestReadsWhatSmartRestartReads(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(casesDir, "smart-restart", "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			section := map[string][]byte{}
			for _, f := range archive.Files {
				section[f.Name] = f.Data
			}
			theirs := section["smart-restart"]
			c, err := Parse("restart-rules.yaml", section["restart-rules.yaml"])
			refused, stricter := section["refused"]
			switch {
			case stricter:
				if err == nil {
					t.Fatal("not refused")
				}
				got := err.Error() + "\n"
				if *update {
					archive.Files[len(archive.Files)-1].Data = []byte(got)
					if err := os.WriteFile(file, txtar.Format(archive), 0o666); err != nil {
						t.Fatal(err)
					}
				} else if got != string(refused) {
					t.Errorf("refused for\n%s\nwant\n%s", got, refused)
				}
			case bytes.HasPrefix(theirs, []byte("error: ")):
				if err == nil {
					t.Errorf("loads, smart-restart says %s", theirs)
				}
			case err != nil:
				t.Error(err)
			default:
				var want any
				if err := json.Unmarshal(theirs, &want); err != nil {
					t.Fatal(err)
				}
				if got := plain(smartRestartView(c)); !reflect.DeepEqual(got, want) {
					t.Errorf("got\n%s\nsmart-restart reads\n%s", indented(got), theirs)
				}
			}
		})
	}
}

// smartRestartView is what the decider gets, in the words of smart-restart.
func smartRestartView(c *Config) any {
	type rule struct {
		Pattern string `json:"pattern"`
		Actions List   `json:"actions"`
	}
	by := c.DecideBy()
	actions, rules, fallback := map[string]int{}, []rule{}, any("none")
	for name, a := range by.Actions {
		actions[name] = a.Order
	}
	for _, r := range by.Rules {
		rules = append(rules, rule{r.Pattern, r.Actions})
	}
	if by.Fallback.All {
		fallback = "all"
	} else if by.Fallback.Actions != nil {
		fallback = by.Fallback.Actions
	}
	return map[string]any{"actions": actions, "rules": rules, "fallback": fallback}
}
