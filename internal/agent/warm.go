package agent

import (
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bounce/internal/pyruntime"
	"bounce/internal/pyruntime/warm"
	"bounce/runner"
	"bounce/treesitter"
)

// What a warm start needs to know, the generations before it have told
// (docs/warm.md). The runner asks on the goroutines of services, so nothing here
// waits for the loop.

// library answers what services load.
type library struct{ a *Agent }

// Packages goes by what can be seen beside the interpreter: the times of the
// directories of a virtual environment. What is elsewhere, or changed in place,
// the parent looks at by itself.
func (l library) Packages(name string) (string, error) {
	r := l.a.view().services[name]
	if r == nil {
		return "", errors.New("it is not configured any more")
	}
	s := r.service
	if s.python.Path == "" || s.python.Assumed {
		return "", errors.New("its command does not say which Python runs it")
	}
	var b strings.Builder
	b.WriteString(pyruntime.Identity(s.python.Path))
	lib := filepath.Join(filepath.Dir(filepath.Dir(s.python.Path)), "lib")
	versions, _ := os.ReadDir(lib) // none where it is no virtual environment
	for _, v := range versions {
		site := filepath.Join(lib, v.Name(), "site-packages")
		if info, err := os.Stat(site); err == nil {
			fmt.Fprintf(&b, "\n%s %d", site, info.ModTime().UnixNano())
		}
	}
	return b.String(), nil
}

// Imports goes by what is written: not by what turns out to be imported.
func (l library) Imports(name string) map[runner.Import]bool {
	v := l.a.view()
	r := v.services[name]
	if r == nil {
		return nil
	}
	found := map[runner.Import]bool{}
	for file := range v.loaded(r) {
		facts := v.graph.Facts(file)
		if facts == nil {
			continue
		}
		for _, ref := range facts.Refs {
			if ref.Scope&treesitter.InTyping != 0 || ref.Kind == treesitter.String && !strings.Contains(ref.Module, ".") {
				continue
			}
			for _, module := range modulesOf(ref) {
				found[runner.Import{Module: module, Later: ref.Scope&treesitter.InFunction != 0}] = true
			}
		}
	}
	return found
}

// Loaded reads all that a generation has told.
func (l library) Loaded(name string, number int) (loaded runner.Loaded, err error) {
	r := l.a.view().services[name]
	if r == nil {
		return loaded, errors.New("it is not configured any more")
	}
	v, why := l.a.listener.of(name, number), l.a.unobserved(r.service)
	if v == nil {
		why = cmp.Or(why, "it has no place to tell it")
	}
	if why != "" {
		return loaded, fmt.Errorf("what it loads is not observed: %s", why)
	}
	report, err := v.Anew().Read()
	switch {
	case err != nil:
		return loaded, err
	case len(report.Pythons) == 0:
		return loaded, errors.New("it has not told what it loads")
	case report.Incomplete:
		return loaded, errors.New("it has not told all that it loads")
	}
	for _, m := range report.Modules {
		loaded.Modules = append(loaded.Modules, m.Name)
	}
	for _, a := range report.Altered {
		if one := (warm.Alteration{Kind: string(a.Kind), Name: a.Name}); !slices.Contains(loaded.Altered, one) {
			loaded.Altered = append(loaded.Altered, one)
		}
	}
	hook := l.a.listener.hook.Dir()
	loaded.Roots, loaded.Hooks = l.a.project().told(r.service).Roots, []string{hook}
	if loaded.Hook, err = warm.Install(filepath.Dir(hook)); err != nil {
		return loaded, err
	}
	from, ok := l.a.generations.from(name, number)
	if !ok {
		return loaded, errors.New("another generation is there already")
	}
	loaded.Files = hex.EncodeToString(from[:])
	return loaded, nil
}
