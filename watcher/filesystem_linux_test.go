package watcher

import (
	"strings"
	"testing"
)

func TestLowerLayers(t *testing.T) {
	const mounts = `22 1 254:0 / / rw,relatime - ext4 /dev/root rw
30 22 0:40 / /srv rw - overlay overlay rw,lowerdir=/one,upperdir=/up,workdir=/work
31 22 0:41 / /srv/with\040blank rw shared:4 master:1 - overlay none rw,lowerdir=/a\040b:/c,upperdir=/up2,workdir=/work2
32 22 0:42 / /srv/new rw - overlay overlay rw,lowerdir+=/x,lowerdir+=/y
33 22 0:43 / /srv/twice rw - overlay overlay rw,lowerdir=/old
34 33 0:44 / /srv/twice rw - overlay overlay rw,lowerdir=/shown
35 22 0:45 / /data rw - tmpfs tmpfs rw
garbage
`
	for path, want := range map[string]string{
		"/srv":                  "/one",
		"/srv/app":              "/one",
		"/srvs":                 "",
		"/srv/with blank/app/x": "/a b /c",
		"/srv/new":              "/x /y",
		"/srv/twice/a":          "/shown",
		"/elsewhere":            "",
	} {
		if got := strings.Join(lowerLayers(mounts, path), " "); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func FuzzLowerLayers(f *testing.F) {
	f.Add("30 22 0:40 / /srv rw - overlay overlay rw,lowerdir=/a\\040b", "/srv/x")
	f.Fuzz(func(t *testing.T, mounts, path string) {
		for _, layer := range lowerLayers(mounts, path) {
			if len(layer) > len(mounts) {
				t.Errorf("%q from %q", layer, mounts)
			}
		}
	})
}
