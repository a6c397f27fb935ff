package agent

import (
	"slices"
	"testing"

	"bounce/configs"
	"bounce/internal/pyruntime"
)

// TestPythonsInTheProject: what a Python that lies in the project has brought
// along is nobody's to edit; what lies beside it is.
func TestPythonsInTheProject(t *testing.T) {
	for _, c := range []struct {
		library string
		watched []string
		want    []string
	}{
		{"", []string{"."}, nil},
		{"/usr/lib/python3.11", []string{"."}, nil},
		{"/srv/shop/env/lib/python3.11", []string{"."}, []string{"env"}},
		{"/srv/shop/tools/env/lib/python3.11", []string{"."}, []string{"tools/env"}},
		{"/srv/shop/lib/python3.11", []string{"."}, []string{"lib/python3.11"}},
		{"/srv/shop/python", []string{"."}, []string{"python"}},
		{"/srv/shop", []string{"."}, nil},
		{"/srv/lib/env/lib/python3.11", []string{".", "../lib"}, []string{"../lib/env"}},
		{"/srv/lib/lib/python3.11", []string{".", "../lib"}, []string{"../lib/lib/python3.11"}},
		{"/srv/lib/python3.11", []string{".", "../lib"}, []string{"../lib/python3.11"}},
	} {
		s := &service{search: search{path: &pyruntime.SearchPath{Library: c.library}}}
		p := &Project{
			config: &configs.Config{Dir: "/srv/shop"}, watched: c.watched,
			view: &view{services: map[string]*reached{"api": {service: s}, "none": {service: &service{}}}},
		}
		if got := p.pythons(); !slices.Equal(got, c.want) {
			t.Errorf("%s in %q: %q, want %q", c.library, c.watched, got, c.want)
		}
	}
	for path, want := range map[string]bool{"env": true, "env/bin/tool": true, "environ.py": false, "a/env": false} {
		if got := inAny(path, []string{"lib", "env"}); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
}
