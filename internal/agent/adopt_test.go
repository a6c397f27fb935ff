package agent

import (
	"reflect"
	"testing"

	"bounce/decider"
	"bounce/watcher"
)

// aMemo has all that one can have.
func aMemo() memo {
	return memo{
		Files:     map[string]watcher.Hash{"a.py": hashOf(1), "new\nline \xff": hashOf(2)},
		Start:     map[string]string{"command": "python a.py"},
		Packages:  map[string]decider.Package{"requests": {Version: "2.32.0"}},
		Installed: []distribution{{"requests", "2.32.0", []string{"requests"}, nil}},
		Whole:     true,
	}
}

// FuzzDecodeMemo: any bytes are read without harm, and what is read of them is
// written as it was read.
func FuzzDecodeMemo(f *testing.F) {
	good := encodeMemo(aMemo())
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add(encodeMemo(memo{}))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		m := decodeMemo(data)
		if got := decodeMemo(encodeMemo(m)); !reflect.DeepEqual(got, plain(m)) {
			t.Errorf("%+v is read as %+v", m, got)
		}
		now := version(1)
		if loaded := m.version(now); m.Whole && loaded.Files.Len() > now.Files.Len() {
			t.Errorf("of %d files %d were loaded", now.Files.Len(), loaded.Files.Len())
		}
	})
}

// plain returns a memo as it is read: gob writes no empty maps.
func plain(m memo) memo {
	if len(m.Files) == 0 {
		m.Files = nil
	}
	if len(m.Start) == 0 {
		m.Start = nil
	}
	if len(m.Packages) == 0 {
		m.Packages = nil
	}
	if len(m.Installed) == 0 {
		m.Installed = nil
	}
	for i, d := range m.Installed {
		m.Installed[i].Modules = append([]string(nil), d.Modules...)
		m.Installed[i].Scripts = append([]string(nil), d.Scripts...)
	}
	return m
}

func TestMemoIsReadAsItWasWritten(t *testing.T) {
	if got := decodeMemo(encodeMemo(aMemo())); !reflect.DeepEqual(got, aMemo()) {
		t.Errorf("got %+v", got)
	}
	// Of what cannot be read nothing is known, which no version equals.
	if got := decodeMemo([]byte("no memo")).version(version(1)); len(decider.Diff(got, version(1))) == 0 {
		t.Error("a memo that is none says what runs")
	}
}
