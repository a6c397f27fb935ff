package main

import (
	"fmt"
	"io"

	"bounce/internal/control"
)

// writeObserved says what is known of what the processes of each service load.
//
//	api has loaded 37 files, 5 of them by no import
//	api has not loaded 12 files to which imports lead
//	api has loaded 14 installed packages
//	api has loaded plug by no import, command or setting: observed in generation 12
//	api executed shop/money.py as it was (3f2a90c1), not as it is (99ab01d7)
//	api has started /usr/bin/python3, which is not observed: its environment lacks BOUNCE_OBSERVE
//	worker is not observed: python3 -I ignores PYTHONPATH
func writeObserved(w io.Writer, st control.Status) error {
	say := func(format string, args ...any) error {
		_, err := fmt.Fprintln(w, plain(fmt.Sprintf(format, args...)))
		return err
	}
	for _, s := range st.Services {
		for _, text := range observedWords(s) {
			if err := say("%s %s", s.Name, text); err != nil {
				return err
			}
		}
	}
	return nil
}

// firstUnwatched is how many files that watch.ignore leaves out status names.
const firstUnwatched = 5

// firstUnheard is how many programs that are not observed it names.
const firstUnheard = 5

func observedWords(s control.Service) (words []string) {
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	o := s.Observed
	switch {
	case o == nil:
		return nil
	case o.Unobserved != "":
		add("is not observed: %s", o.Unobserved)
		return words
	case s.PID != nil && len(o.Pythons) == 0:
		add("has told nothing: no Python of it runs the hook")
	case o.Incomplete:
		add("could not tell all that it has loaded")
	}
	for _, u := range o.Unheard[:min(len(o.Unheard), firstUnheard)] {
		add("has started %s, which is not observed: %s", u.Program, u.Why)
	}
	if o.Files > 0 {
		add("has loaded %s, %d of them by no import", files(o.Files), o.Unforeseen)
	}
	if o.Idle > 0 {
		add("has not loaded %s to which imports lead", files(o.Idle))
	}
	if o.Packages > 0 {
		add("has loaded %s", counted(o.Packages, "installed package"))
	}
	for _, d := range o.Unnamed {
		add("has loaded %s by no import, command or setting: observed in generation %d", d.Name, d.Generation)
	}
	for _, path := range o.Unwatched[:min(len(o.Unwatched), firstUnwatched)] {
		add("has loaded %s, which watch.ignore leaves out: edits of it restart nothing; watch.include: [/%s] changes that", path, path)
	}
	if more := len(o.Unwatched) - firstUnwatched; more > 0 {
		add("has loaded %s more that watch.ignore leaves out", files(more))
	}
	for _, e := range o.Stale {
		now := "and it is gone"
		if e.Tree != "" {
			now = "not as it is (" + firstOf(e.Tree) + ")"
		}
		add("executed %s as it was (%s), %s", e.Path, firstOf(e.Executed), now)
	}
	return words
}

// firstOf is as much of a hash as tells two apart for a person.
func firstOf(hash string) string { return hash[:min(8, len(hash))] }

func files(n int) string { return counted(n, "file") }

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
