package decider

import (
	"path"
	"slices"
)

// reloads returns the word that makes a command, without its wrappers, restart
// by itself when files change; "" for none.
func reloads(words []string) string {
	has := func(word string) bool { return slices.Contains(words, word) }
	ran := func(tool string) bool { // as a program, as python -m, or as a script
		return slices.ContainsFunc(words, func(w string) bool { return path.Base(w) == tool })
	}
	switch {
	case has("--reload") && !has("--no-reload"):
		return "--reload"
	case ran("flask") && has("--debug") && !has("--no-reload"):
		return "--debug"
	case ran("fastapi") && has("dev") && !has("--no-reload"):
		return "dev"
	case has("runserver") && (ran("manage.py") || ran("django-admin") || ran("django")) && !has("--noreload"):
		return "runserver"
	}
	return ""
}
