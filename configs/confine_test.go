package configs

import "testing"

// FuzzLimit writes what was read and reads it again.
func FuzzLimit(f *testing.F) {
	for _, s := range []string{"4096", "512M", "unlimited", "1024:4096", "0:unlimited", "16T", "18446744073709551615", "16777216T", ":", "K", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		limit, ok := parseLimit(text)
		if !ok {
			return
		}
		if again, ok := parseLimit(limit.String()); !ok || again != limit {
			t.Errorf("%q is %+v, and %s is %+v", text, limit, limit, again)
		}
	})
}
