package configs

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// checker looks for mistakes that no single value shows.
type checker struct {
	*Config
	errs     Errors
	warnings Errors
	// wrong has the places of the mistakes of decoding: what stands there is
	// not judged again.
	wrong    map[place]bool
	services []string // names, sorted
	groups   []string
	actions  []string
}

// validate checks the whole of c. before are the mistakes of decoding, which
// explain away some that would follow from them.
func validate(c *Config, before Errors) (errs, warnings Errors) {
	k := checker{
		Config: c, errs: before, wrong: map[place]bool{},
		services: slices.Sorted(maps.Keys(c.Services)),
		groups:   slices.Sorted(maps.Keys(c.Groups)),
		actions:  slices.Sorted(maps.Keys(c.Actions)),
	}
	for _, e := range before {
		k.wrong[place{e.Line, e.Column}] = true
	}
	k.settings()
	for _, name := range k.services {
		k.service(name, c.Services[name])
	}
	k.cycles()
	for _, name := range k.groups {
		k.group(name, c.Groups[name])
	}
	k.nesting()
	for _, name := range k.actions {
		k.action(name, c.Actions[name])
	}
	k.rules()
	k.references("fallback", c.Fallback.Actions, "action", k.actions)
	return k.errs, k.warnings
}

// finding makes an Error at the value of path, or where its key or what holds
// it stands.
func (k *checker) finding(path, text, hint string) Error {
	at := k.at[path].value
	for p := path; at == (place{}) && p != ""; {
		p = p[:max(0, strings.LastIndexAny(p, ".["))]
		at = k.at[p].key
	}
	return Error{Line: at.line, Column: at.column, Text: text, Hint: hint}
}

func (k *checker) fail(path, text, hint string) { k.errs = append(k.errs, k.finding(path, text, hint)) }

func (k *checker) warn(path, text, hint string) {
	k.warnings = append(k.warnings, k.finding(path, text, hint))
}

// failKey is fail at the key of path.
func (k *checker) failKey(path, text, hint string) {
	at := k.at[path].key
	k.errs = append(k.errs, Error{Line: at.line, Column: at.column, Text: text, Hint: hint})
}

// given reports whether the file has something at path, right or wrong.
func (k *checker) given(path string) bool {
	_, ok := k.at[path]
	return ok
}

func (k *checker) settings() {
	if k.Watch.Max < k.Watch.Quiet {
		path := "watch.max"
		if !k.given(path) {
			path = "watch.quiet"
		}
		k.fail(path, fmt.Sprintf("watch.max (%s) is shorter than watch.quiet (%s)", k.Watch.Max, k.Watch.Quiet), "a batch would close before it could come to rest")
	}
	for i, root := range k.Roots {
		k.directory(element("roots", i), root)
	}
	k.nonEmpty("watch.ignore", k.Watch.Ignore)
	k.nonEmpty("watch.include", k.Watch.Include)
	k.environment("classifier.env", k.Classifier.Env)
	if k.given("classifier.run") && len(k.Actions) == 0 && len(k.errs) == 0 {
		k.warn("classifier", "classifier: there are no actions that it could ask for", "declare some under actions, or remove it")
	}
}

// serviceName allows what is safe in file names, terminals and environment
// markers.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`)

func (k *checker) service(name string, s Service) {
	path := child("services", name)
	if !serviceName.MatchString(name) {
		k.failKey(path, fmt.Sprintf("%q cannot be the name of a service", name), "up to 63 letters, digits, - _ and ., beginning with a letter or digit")
	}
	k.directory(path+".cwd", s.Cwd)
	k.environment(path+".env", s.Env)
	k.nonEmpty(path+".env_file", s.EnvFile)
	k.nonEmpty(path+".packages", s.Packages)
	for i, e := range s.Entry {
		if _, err := entryOf(e); err != nil {
			k.fail(element(path+".entry", i), fmt.Sprintf("%s: %v", element(path+".entry", i), err), "write a module such as shop.api, or a file such as tools/run.py")
		}
	}
	for i, pattern := range s.Watch {
		at := element(path+".watch", i)
		if why, hint := hopeless(pattern); why != "" {
			k.fail(at, fmt.Sprintf("%s: %s", at, why), hint)
		}
	}
	k.references(path+".depends_on", s.DependsOn.Names(), "service", k.services)
	k.repeated(path+".depends_on", s.DependsOn.Names())
	k.conditions(path+".depends_on", s.DependsOn)
	k.units(path+".units", s)
	k.ready(path+".ready", s.Ready)
	k.sign(path, s)
	k.live(path+".live", s.Live)
	k.listening(path, s)
	k.rolling(path, s)
	k.output(name, s)
	if at := path + ".observe_files"; k.given(at) && s.ObserveFiles && s.Reach == ReachStatic && !k.failed(path+".reach") {
		k.warn(at, at+" does nothing: with reach static no process is asked what it opens", "remove it, or say reach: union")
	}
	if at := path + ".on_stats"; k.given(at) && s.OnStats.Run.Argv() == nil && !k.failed(at+".run") {
		k.warn(at, at+" names no command", "add the line  run: python3 tools/record.py")
	}
	k.confined(path, s)
	k.restart(path+".restart", s.Restart)
}

// failed reports a mistake that was already found at the value of path.
func (k *checker) failed(path string) bool { return k.wrong[k.at[path].value] }

// dotted is the form of the names of modules and of classes.
var dotted = regexp.MustCompile(`^[\pL_][\pL\pN_]*(\.[\pL_][\pL\pN_]*)*$`)

func (k *checker) restart(path string, r Restart) {
	if r.Backoff.Max < r.Backoff.Base {
		at := path + ".backoff.max"
		if !k.given(at) {
			at = path + ".backoff.base"
		}
		k.fail(at, fmt.Sprintf("%s.backoff.max (%s) is shorter than base (%s)", path, r.Backoff.Max, r.Backoff.Base), fmt.Sprintf("write max: %s or more", r.Backoff.Base))
	}
	for key, list := range map[string]List{".hold_on": r.HoldOn, ".skip_retry_on": r.SkipRetryOn, ".fatal_on": r.FatalOn} {
		for i, what := range list {
			k.failure(element(path+key, i), what)
		}
	}
	for i, code := range r.FatalExitCodes {
		if at := element(path+".fatal_exit_codes", i); slices.Contains(r.SuccessCodes, code) {
			k.fail(at, fmt.Sprintf("%s: exit code %d is one of success_codes", at, code), "remove it from one of the two")
		}
	}
	if least := quickest(r.Backoff, r.Budget.Restarts); k.given(path) && least >= time.Duration(r.Budget.Window) {
		k.warn(path, fmt.Sprintf("%s: the budget can never trip: %d restarts take at least %s with this backoff, and the window is %s",
			path, r.Budget.Restarts, Duration(least.Round(time.Millisecond)), r.Budget.Window),
			fmt.Sprintf("make window longer than %s or restarts fewer", Duration(least.Round(time.Second))))
	}
}

// failure checks what hold_on and its like name: an error, or an exit code.
func (k *checker) failure(at, what string) {
	if code, err := strconv.Atoi(what); err == nil && 1 <= code && code <= 255 || dotted.MatchString(what) || k.failed(at) {
		return
	}
	hint := "write the name of a Python error, as in ImportError, or an exit code"
	if _, err := strconv.Atoi(what); err == nil {
		hint = "exit codes of failures are from 1 to 255"
	}
	k.fail(at, fmt.Sprintf("%s cannot be %s", at, quoted(what)), hint)
}

// quickest is the least time in which a service that crashes at once gets
// through n restarts: from its first crash, which pays for the first of them,
// to the crash that finds nothing left.
func quickest(b Backoff, n int) time.Duration {
	sum, wait := 0.0, float64(b.Base)
	for range n {
		sum += min(wait, float64(b.Max)) * (1 - b.Jitter)
		wait = min(wait*b.Factor, float64(b.Max))
	}
	return time.Duration(min(sum, float64(maxDuration)))
}

func (k *checker) action(name string, a Action) {
	path := child("actions", name)
	if name == "" {
		k.failKey(path, "an action has no name", "")
	}
	k.directory(path+".cwd", a.Cwd)
	k.environment(path+".env", a.Env)
	k.nonEmpty(path+".env_file", a.EnvFile)
	k.references(path+".restart", a.Restart, "service", k.services)
	k.signals(path, a)
	// A file of rules alone serves bounce decide, whose caller runs actions.
	if len(k.Services) > 0 && !k.given(path+".run") && len(a.Restart)+len(a.Signal) == 0 {
		k.warn(path, fmt.Sprintf("%s does nothing", path), "give it run:, restart: or signal:")
	}
}

// signals checks what an action signals: services that it does not restart.
func (k *checker) signals(path string, a Action) {
	if len(k.services) == 0 && len(k.errs) > 0 {
		return // their own section failed to load
	}
	for _, name := range slices.Sorted(maps.Keys(a.Signal)) {
		at := child(path+".signal", name)
		switch {
		case !slices.Contains(k.services, name):
			hint := "the services are " + some(k.services)
			if near := nearest(name, k.services); near != "" {
				hint = fmt.Sprintf("did you mean %s?", near)
			} else if len(k.services) == 0 {
				hint = "there are no services"
			}
			k.failKey(at, fmt.Sprintf("%s: there is no service %s", at, quoted(name)), hint)
		case slices.Contains(a.Restart, name):
			k.failKey(at, fmt.Sprintf("%s: the action restarts %s too", at, name), "remove one of the two: a service that is restarted needs no signal")
		}
	}
}

func (k *checker) rules() {
	seen := map[string]int{}
	for i, r := range k.Rules {
		path := element("rules", i)
		k.references(path+".actions", r.Actions, "action", k.actions)
		at := path + ".pattern"
		if r.Pattern == "" {
			if k.given(at) && !k.failed(at) {
				k.fail(at, at+" is empty", `for example pattern: "src/**"`)
			}
			continue
		}
		if why, hint := hopeless(r.Pattern); why != "" {
			k.warn(at, fmt.Sprintf("%s: %s", at, why), hint)
		}
		for _, earlier := range []string{r.Pattern, "**"} {
			if line, ok := seen[earlier]; ok {
				k.warn(at, fmt.Sprintf("%s: the rule is never reached: %s on line %d matches first", at, quoted(earlier), line), "the first rule that matches a file wins: put the narrow ones first")
				break
			}
		}
		if _, ok := seen[r.Pattern]; !ok {
			seen[r.Pattern] = k.at[at].value.line
		}
	}
}

// hopeless says why a pattern cannot match any path, or not what was meant.
func hopeless(pattern string) (why, hint string) {
	switch {
	case pattern == "":
		return "an empty pattern matches nothing", "remove it"
	case strings.HasPrefix(pattern, "./"):
		return quoted(pattern) + " matches nothing: paths have no ./ in front", "write " + quoted(strings.TrimPrefix(pattern, "./"))
	case strings.HasPrefix(pattern, "/"):
		return quoted(pattern) + " matches nothing: paths are relative to the project", "write " + quoted(strings.TrimLeft(pattern, "/"))
	case strings.HasSuffix(pattern, "/"):
		return quoted(pattern) + " matches nothing: only files have content", "write " + quoted(pattern+"**")
	case strings.Contains(pattern, "//"):
		return quoted(pattern) + " matches nothing: paths have single slashes", ""
	case strings.HasPrefix(pattern, "!"):
		return quoted(pattern) + " matches only names that begin with !", "patterns cannot be negated: put a rule for the exception first"
	}
	if open := strings.IndexByte(pattern, '{'); open >= 0 && strings.Contains(pattern[open:], ",") && strings.Contains(pattern[open:], "}") {
		return quoted(pattern) + " matches only names that have braces", "write one pattern for each alternative"
	}
	return "", ""
}

// references checks that names are among known, the sorted names of services
// or actions as what says.
func (k *checker) references(path string, names []string, what string, known []string) {
	if len(known) == 0 && len(k.errs) > 0 {
		return // their own section failed to load
	}
	for i, name := range names {
		if _, ok := slices.BinarySearch(known, name); ok {
			continue
		}
		at := element(path, i)
		if k.failed(at) {
			continue
		}
		plural := strings.ReplaceAll(what, " or ", "s and ") + "s"
		hint := "there are no " + plural
		if near := nearest(name, known); near != "" {
			hint = fmt.Sprintf("did you mean %s?", near)
		} else if _, ok := k.Services[name]; ok && what == "action" {
			hint = fmt.Sprintf("%s is a service: add the action restart_%s: {restart: [%s]}", name, name, name)
		} else if len(known) > 0 {
			hint = fmt.Sprintf("the %s are %s", plural, some(known))
		}
		k.fail(at, fmt.Sprintf("%s: there is no %s %s", at, what, quoted(name)), hint)
	}
}

// some lists names, not too many.
func some(names []string) string {
	const most = 8
	shown := make([]string, 0, most)
	for _, n := range names[:min(most, len(names))] {
		shown = append(shown, printable(n))
	}
	if len(names) > most {
		shown = append(shown, "...")
	}
	return strings.Join(shown, ", ")
}

func (k *checker) repeated(path string, names []string) {
	seen := make(map[string]bool, len(names))
	for i, name := range names {
		if seen[name] {
			k.fail(element(path, i), fmt.Sprintf("%s names %s twice", path, quoted(name)), "")
		}
		seen[name] = true
	}
}

func (k *checker) nonEmpty(path string, texts []string) {
	for i, text := range texts {
		if at := element(path, i); text == "" && !k.failed(at) {
			k.fail(at, at+" is empty", "remove it")
		}
	}
}

// directory checks the spelling of a directory; whether it is there may
// change.
func (k *checker) directory(path, dir string) {
	switch {
	case dir == "" && k.given(path) && !k.failed(path):
		k.fail(path, path+" is empty", `write "." for the project itself`)
	case dir == "~" || strings.HasPrefix(dir, "~/"):
		k.fail(path, fmt.Sprintf("%s cannot be %s: ~ is not expanded", path, quoted(dir)), "write the path in full, or relative to the project")
	}
}

func (k *checker) environment(path string, env map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if name == "" || strings.ContainsAny(name, "=\x00") {
			k.failKey(child(path, name), fmt.Sprintf("%q cannot be the name of a variable", name), "names are not empty and have no =")
		}
	}
}
