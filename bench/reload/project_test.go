//go:build linux

package main

import (
	"path"
	"testing"
	"time"

	"bounce/configs"
)

func TestEveryProjectCanBeRunAndEdited(t *testing.T) {
	cases, err := loadCases("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		text, err := projects.ReadFile(path.Join("projects", c.name, c.Edit))
		if err != nil {
			t.Errorf("%s: no file to edit: %v", c.name, err)
			continue
		}
		if _, err := revise(text, "1"); err != nil {
			t.Errorf("%s: %s: %v", c.name, c.Edit, err)
		}
		variants := 0
		for _, p := range c.programs("bounce") {
			if len(p.Command) == 0 || p.name == "" {
				t.Errorf("%s: a contender without name or command: %+v", c.name, p)
			}
			if p.variant && p.config == "" {
				t.Errorf("%s: %s has no configuration", c.name, p.name)
			}
			if p.variant {
				variants++
			}
		}
		if variants == 0 || len(c.Peers) == 0 {
			t.Errorf("%s: %d variants of bounce beside %d peers; want some of both", c.name, variants, len(c.Peers))
		}
	}
	if _, err := loadCases("nothing"); err == nil {
		t.Error("a project that is not there was found")
	}
}

func TestVariantsAreConfigurations(t *testing.T) {
	cases, err := loadCases("")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		for _, p := range c.programs("bounce") {
			if !p.variant {
				continue
			}
			file, err := p.configure(t.TempDir(), 8000)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := configs.Load(file); err != nil {
				t.Errorf("%s, %s: %v", c.name, p.name, err)
			}
		}
	}
}

func TestReviseWantsOneLine(t *testing.T) {
	for _, bad := range []string{"", "x = 1\n", "REVISION = \"0\"\nREVISION = \"1\"\n", "# REVISION = \"0\"\n"} {
		if text, err := revise([]byte(bad), "2"); err == nil {
			t.Errorf("revise(%q) gave %q", bad, text)
		}
	}
	got, err := revise([]byte("a = 1\nREVISION = \"0\"\nb = 2\n"), "17")
	if want := "a = 1\nREVISION = \"17\"\nb = 2\n"; err != nil || string(got) != want {
		t.Errorf("revise gave %q, %v; want %q", got, err, want)
	}
}

func TestRatiosAreOfRoundsThatBothAnswered(t *testing.T) {
	ms := func(all ...int) (d []time.Duration) {
		for _, n := range all {
			d = append(d, time.Duration(n)*time.Millisecond)
		}
		return d
	}
	got := ratios(ms(10, 0, 30, 40), ms(100, 100, 0, 80))
	if len(got) != 2 || got[0] != 0.1 || got[1] != 0.5 {
		t.Errorf("ratios are %v, want 0.1 and 0.5", got)
	}
}
