package configs

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The types that can be written in several forms.

var durationForm = regexp.MustCompile(`^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$`)

// maxDuration keeps sums of durations far from overflow.
const maxDuration = 10 * 365 * 24 * time.Hour

func (t *Duration) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	if never := tag.Get("never"); never != "" && n.kind == scalar && n.text == never {
		*t = -1
		return
	}
	if n.kind != scalar || n.null() {
		d.wrong(n, path, "a duration", tag)
		return
	}
	text := strings.TrimSpace(n.text)
	if !durationForm.MatchString(text) {
		hint := "write it as 250ms, 10s, 5m or 2h"
		if _, err := strconv.ParseFloat(text, 64); err == nil && !strings.ContainsAny(text, "eE-+xX_iIN") {
			hint = fmt.Sprintf("write %ss for seconds, or %[1]sms", text)
		} else if text == "never" || text == "off" {
			hint = "it cannot be switched off; " + hint
		}
		d.fail(n.pos, fmt.Sprintf("%s wants a duration with a unit, not %s", path, n.words()), hint)
		return
	}
	span, err := time.ParseDuration(text)
	if err != nil || span > maxDuration {
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, n.shown()), "it can be at most "+Duration(maxDuration).String())
		return
	}
	if low, err := time.ParseDuration(tag.Get("min")); err == nil && span < low {
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, n.shown()), "it must be at least "+tag.Get("min"))
		return
	}
	*t = Duration(span)
}

// List is a list of texts; one alone may be written without brackets.
type List []string

func (l *List) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	if n.kind == scalar && !n.null() {
		*l = List{n.text}
		d.place(element(path, 0), n.pos, n.pos)
		return
	}
	if n.kind == mapping {
		d.wrong(n, path, "a list", tag)
		return
	}
	d.list(n, reflect.ValueOf((*[]string)(l)).Elem(), path, tag)
}

// MarshalJSON writes an empty list as [].
func (l List) MarshalJSON() ([]byte, error) {
	return json.Marshal(append([]string{}, l...))
}

// Command is what to run: words, or text for a shell.
type Command struct {
	Words []string
	Shell string
}

// Argv returns the words to execute, with /bin/sh -c before the text of a
// shell command; nil for no command.
func (c Command) Argv() []string {
	if c.Shell != "" {
		return shellArgv(c.Shell)
	}
	return slices.Clone(c.Words)
}

// MarshalJSON writes the list of words or {"shell": text}.
func (c Command) MarshalJSON() ([]byte, error) {
	if c.Shell != "" {
		return json.Marshal(map[string]string{"shell": c.Shell})
	}
	return json.Marshal(append([]string{}, c.Words...))
}

// shellForm is the mapping that a command can be.
type shellForm struct {
	Shell string `json:"shell" required:"true" example:"\"cd web && npm start\""`
}

func (c *Command) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	const example = "for example run: python -m shop.worker"
	switch {
	case n.null():
		d.fail(n.pos, path+" is empty", example)
	case n.kind == list:
		var words []string
		before := len(d.errs)
		d.list(n, reflect.ValueOf(&words).Elem(), path, "")
		if len(d.errs) == before && (len(words) == 0 || words[0] == "") {
			d.fail(n.pos, path+" is empty", `for example run: [python, -m, shop.worker]`)
		}
		c.Words = words
	case n.kind == mapping:
		var form shellForm
		before := len(d.errs)
		d.structure(n, reflect.ValueOf(&form).Elem(), path)
		if strings.TrimSpace(form.Shell) == "" && len(d.errs) == before {
			d.fail(n.pos, path+" is empty", `for example run: {shell: "cd web && npm start"}`)
		}
		c.Shell = form.Shell
	default:
		l, err := split(n.text)
		if err != nil {
			d.fail(n.pos, fmt.Sprintf("%s cannot be split into words: %v", path, err), "write a list of words if it is meant")
			return
		}
		if len(l.words) == 0 || l.words[0] == "" {
			d.fail(n.pos, path+" is empty", example)
			return
		}
		if what, hint := needsShell(l, n.text); what != "" {
			d.fail(n.pos, fmt.Sprintf("%s: %s", path, what), hint)
			return
		}
		c.Words = l.words
	}
}

// HookCommand is what a hook runs, and for how long at most; 0 for the time of all
// hooks of the service.
type HookCommand struct {
	Run     Command
	Timeout Duration
}

// hookForm is the mapping that a hook can be.
type hookForm struct {
	Run     Command  `json:"run" required:"true" example:"sh leave-the-balancer.sh"`
	Timeout Duration `json:"timeout" min:"1ms" example:"5s"`
}

func (h *HookCommand) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	plain := n.kind != mapping || !slices.ContainsFunc(n.pairs, func(p pair) bool { return p.key == "run" || p.key == "timeout" })
	if plain {
		h.Run.decode(d, n, path, tag)
		return
	}
	var form hookForm
	d.structure(n, reflect.ValueOf(&form).Elem(), path)
	*h = HookCommand(form)
}

// MarshalJSON writes the command alone where that says it all.
func (h HookCommand) MarshalJSON() ([]byte, error) {
	if h.Timeout == 0 {
		return h.Run.MarshalJSON()
	}
	return json.Marshal(map[string]any{"run": h.Run, "timeout": h.Timeout})
}

// DependsOn are the services that a service depends on.
type DependsOn []Dependency

func (o *DependsOn) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	*o = nil
	if n.kind != mapping {
		var names List
		names.decode(d, n, path, tag)
		for _, name := range names {
			dep := d.make(reflect.TypeFor[Dependency]()).Interface().(Dependency)
			dep.Name = name
			*o = append(*o, dep)
		}
		return
	}
	for i, p := range n.pairs {
		dep := d.make(reflect.TypeFor[Dependency]())
		d.place(child(path, p.key), p.pos, p.value.pos)
		d.value(p.value, dep, child(path, p.key), "")
		d.place(element(path, i), p.pos, p.pos)
		named := dep.Interface().(Dependency)
		named.Name = p.key
		*o = append(*o, named)
	}
}

// Names are those of the services.
func (o DependsOn) Names() []string {
	var names []string
	for _, d := range o {
		names = append(names, d.Name)
	}
	return names
}

// MarshalJSON writes the list of names where they say it all, and a mapping in
// the order of the file otherwise.
func (o DependsOn) MarshalJSON() ([]byte, error) {
	plain := defaultsOf(Dev).dependency
	simple := !slices.ContainsFunc(o, func(d Dependency) bool {
		plain.Name = d.Name
		return d != plain
	})
	if simple {
		return List(o.Names()).MarshalJSON()
	}
	text := []byte("{")
	for i, d := range o {
		name, err := json.Marshal(d.Name)
		if err != nil {
			return nil, err
		}
		keys, err := json.Marshal(d)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, name...), ':'), keys...)
	}
	return append(text, '}'), nil
}

func (r *Ready) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	switch {
	case n.kind == scalar && !n.null() && n.text == "none":
	case n.kind == scalar && !n.null() && n.text == "notify":
		r.Notify = true
	default:
		d.structure(n, reflect.ValueOf(r).Elem(), path)
	}
}

func (r *Restart) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	if n.kind != scalar || n.null() {
		d.structure(n, reflect.ValueOf(r).Elem(), path)
		return
	}
	when, ok := presets[n.text]
	if !ok {
		hint := "write permanent, transient, temporary, or a mapping"
		if near := nearest(n.text, []string{"permanent", "transient", "temporary"}); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		} else if w := nearest(n.text, []string{"always", "on-failure", "never"}); w != "" {
			hint = fmt.Sprintf("write {when: %s}", w)
		}
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, n.shown()), hint)
		return
	}
	*r = preset(when)
}

// Fallback is what happens when a file matches no rule.
type Fallback struct {
	// All asks for every action, Actions for these. Neither: for none.
	All     bool
	Actions []string
}

func (f *Fallback) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	switch {
	case n.kind == list:
		f.Actions = []string{}
		(*List)(&f.Actions).decode(d, n, path, tag)
	case n.kind == scalar && n.text == "none" && !n.null():
	case n.kind == scalar && n.text == "all":
		f.All = true
	case n.kind == scalar && n.tag == "!!str":
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, quoted(n.text)), fmt.Sprintf("write none, all, or a list of actions: [%s]", quoted(n.text)))
	default:
		d.fail(n.pos, fmt.Sprintf("%s cannot be %s", path, n.words()), "write none, all, or a list of actions")
	}
}

// MarshalJSON writes "none", "all" or the list.
func (f Fallback) MarshalJSON() ([]byte, error) {
	switch {
	case f.All:
		return json.Marshal("all")
	case f.Actions != nil:
		return json.Marshal(f.Actions)
	}
	return json.Marshal("none")
}
