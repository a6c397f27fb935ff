package watcher

import (
	"fmt"
	"maps"
	"testing"
	"time"
)

// TestKeepable: a file that was written within a moment of being read may have
// been written again since, and nothing would tell.
func TestKeepable(t *testing.T) {
	const second = int64(time.Second)
	read := time.Unix(1000, 0)
	at := func(ago time.Duration) int64 { return read.Add(-ago).UnixNano() }
	for name, c := range map[string]struct {
		mtime, ctime int64
		change       func(*file)
		want         bool
	}{
		"old":                               {at(time.Hour + 1), at(time.Hour + 1), nil, true},
		"just written":                      {at(time.Millisecond), at(time.Millisecond), nil, false},
		"written after":                     {at(-time.Millisecond), at(-time.Millisecond), nil, false},
		"old time put back a moment ago":    {at(time.Hour + 1), at(time.Millisecond), nil, false},
		"whole seconds, a second ago":       {at(time.Second), at(time.Second), nil, false},
		"whole seconds, three seconds ago":  {at(3 * time.Second), at(3 * time.Second), nil, true},
		"no time of change of the inode":    {at(time.Hour + 1), 0, nil, false},
		"too large to be read":              {at(time.Hour + 1), at(time.Hour + 1), func(f *file) { f.sig.size = maxRead + 1 }, false},
		"through a link":                    {at(time.Hour + 1), at(time.Hour + 1), func(f *file) { f.link = "/elsewhere" }, false},
		"gone, and not handed on as such":   {at(time.Hour + 1), at(time.Hour + 1), func(f *file) { f.seen = Hash{} }, false},
		"never read":                        {at(time.Hour + 1), at(time.Hour + 1), func(f *file) { f.sig = sig{} }, false},
		"of the time before the first look": {-second, -second, nil, true},
	} {
		f := &file{sig: sig{kind: regular, mtime: c.mtime, ctime: c.ctime, inode: 1, dev: 1}, read: read, seen: Hash{1}}
		if c.change != nil {
			c.change(f)
		}
		if got := f.keepable(); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestCacheKeepsAll: what is written is what is read, for names of any bytes.
func TestCacheKeepsAll(t *testing.T) {
	dirs, want := make(map[string]*dir), make(map[string]kept)
	for i, path := range []string{".", "p", "../out", "p/\xff\n"} {
		d := &dir{path: path, files: make(map[string]*file)}
		for n := range i {
			name, k := fmt.Sprintf("\x1b%d.py", n), kept{sig{regular, int64(n), 2, 3, 4, 1 << 63}, Hash{byte(i), byte(n)}}
			d.files[name] = &file{sig: k.sig, seen: k.hash, read: time.Now()}
			want[path+" "+name] = k
		}
		dirs[path] = d
	}
	top, c, err := decodeCache(encodeCache("/the/tree", dirs))
	if err != nil || top != "/the/tree" {
		t.Fatalf("%q, %v", top, err)
	}
	got := make(map[string]kept)
	for path, records := range c {
		for name, k := range keptIn(records) {
			got[path+" "+string(name)] = k
		}
	}
	if len(want) == 0 || !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// FuzzCache: any bytes are read without harm, sealed or not.
func FuzzCache(f *testing.F) {
	d := &dir{files: map[string]*file{"a.py": {sig: sig{regular, 1, 2, 3, 4, 5}, seen: Hash{1}, read: time.Now()}}}
	good := encodeCache("/tree", map[string]*dir{"p": d})
	f.Add(good)
	f.Add(good[len(cacheHead)+65:])
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, b := range [][]byte{data, sealed(data)} {
			_, c, err := decodeCache(b)
			for _, records := range c {
				n := 0
				for name := range keptIn(records) {
					n += sigSize + len(Hash{}) + len(name)
				}
				if err != nil || n > len(records) {
					t.Fatalf("%d bytes of names from %d, %v", n, len(records), err)
				}
			}
		}
	})
}
