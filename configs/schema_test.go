package configs

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"
)

// TestSchemaAgrees holds the committed schema against what Parse takes: every
// sample and every case that loads must satisfy it, and a file that is refused
// for its keys must not.
func TestSchemaAgrees(t *testing.T) {
	data, err := os.ReadFile(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	var root map[string]any
	if err := json.Unmarshal(data, &root); err != nil {
		t.Fatal(err)
	}
	check := func(name string, data []byte) {
		var value any
		if err := yaml.Unmarshal(data, &value); err != nil {
			return
		}
		_, err := Parse(name, data)
		problem := satisfies(root, root, value, "")
		if err == nil && problem != nil {
			t.Errorf("%s loads, but the schema refuses it: %v", name, problem)
		}
		var errs Errors
		if errors.As(err, &errs) && problem == nil && slices.ContainsFunc(errs, func(e Error) bool { return strings.HasPrefix(e.Text, "unknown key") }) {
			t.Errorf("%s is refused, but the schema takes it: %v", name, err)
		}
	}
	samples, _ := filepath.Glob("samples/*.yaml")
	for _, file := range samples {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		check(file, data)
	}
	cases, _ := filepath.Glob(filepath.Join(casesDir, "*.txtar"))
	for _, file := range cases {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range archive.Files {
			if slices.Contains(fileNames, f.Name) {
				check(filepath.Base(file), f.Data)
			}
		}
	}
	if len(samples) == 0 || len(cases) == 0 {
		t.Error("nothing was checked")
	}
}

// satisfies checks value against the part of JSON Schema that ours uses, and
// fails on any keyword that it does not know.
func satisfies(root, schema map[string]any, value any, path string) error {
	for keyword, arg := range schema {
		var err error
		switch keyword {
		case "$schema", "$defs", "title", "description":
		case "$ref":
			def := root["$defs"].(map[string]any)[strings.TrimPrefix(arg.(string), "#/$defs/")].(map[string]any)
			err = satisfies(root, def, value, path)
		case "anyOf":
			var failures []error
			for _, s := range arg.([]any) {
				if e := satisfies(root, s.(map[string]any), value, path); e != nil {
					failures = append(failures, e)
				}
			}
			if len(failures) == len(arg.([]any)) {
				err = errors.Join(failures...)
			}
		case "type":
			if types, ok := arg.([]any); ok && !slices.ContainsFunc(types, func(t any) bool { return isType(value, t) }) || !ok && !isType(value, arg) {
				err = fmt.Errorf("%s: %v is not %v", path, value, arg)
			}
		case "enum":
			if !slices.Contains(arg.([]any), value) {
				err = fmt.Errorf("%s: %v is not one of %v", path, value, arg)
			}
		case "pattern":
			if s, ok := value.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(s) {
				err = fmt.Errorf("%s: %q does not match %v", path, s, arg)
			}
		case "minLength":
			if s, ok := value.(string); ok && len(s) < int(arg.(float64)) {
				err = fmt.Errorf("%s: %q is too short", path, s)
			}
		case "minItems":
			if l, ok := value.([]any); ok && len(l) < int(arg.(float64)) {
				err = fmt.Errorf("%s: too few items", path)
			}
		case "minimum", "maximum":
			if n, ok := number(value); ok && (keyword == "minimum") == (n < arg.(float64)) && n != arg.(float64) {
				err = fmt.Errorf("%s: %v is out of bounds", path, value)
			}
		case "items":
			if l, ok := value.([]any); ok {
				for i, item := range l {
					err = errors.Join(err, satisfies(root, arg.(map[string]any), item, fmt.Sprintf("%s[%d]", path, i)))
				}
			}
		case "required":
			if m, ok := value.(map[string]any); ok {
				for _, key := range arg.([]any) {
					if _, ok := m[key.(string)]; !ok {
						err = fmt.Errorf("%s: %v is missing", path, key)
					}
				}
			}
		case "properties", "additionalProperties":
			m, ok := value.(map[string]any)
			if !ok || keyword == "properties" {
				// Both are checked when additionalProperties comes: all our
				// objects have it.
				break
			}
			properties, _ := schema["properties"].(map[string]any)
			for key, v := range m {
				inner, known := properties[key].(map[string]any)
				more, open := arg.(map[string]any)
				switch {
				case known:
					err = errors.Join(err, satisfies(root, inner, v, path+"."+key))
				case open:
					err = errors.Join(err, satisfies(root, more, v, path+"."+key))
				default:
					err = errors.Join(err, fmt.Errorf("%s: no key %s", path, key))
				}
			}
		default:
			err = fmt.Errorf("the checker does not know the keyword %s", keyword)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func isType(value any, name any) bool {
	switch name {
	case "null":
		return value == nil
	case "string":
		// What YAML takes for a date is text in JSON.
		_, ok := value.(string)
		return ok || value != nil && reflect.TypeOf(value).String() == "time.Time"
	case "boolean":
		_, ok := value.(bool)
		return ok
	case "integer":
		_, ok := value.(int)
		return ok
	case "number":
		_, ok := number(value)
		return ok
	case "array":
		_, ok := value.([]any)
		return ok
	case "object":
		_, ok := value.(map[string]any)
		return ok
	}
	return false
}

func number(value any) (float64, bool) {
	switch n := value.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return 0, false
}

// TestSamplesLoad keeps the sample files working, without warnings.
func TestSamplesLoad(t *testing.T) {
	samples, err := filepath.Glob("samples/*.yaml")
	if err != nil || len(samples) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, file := range samples {
		c, err := Load(file)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, w := range c.Warnings {
			t.Error(w)
		}
	}
}

// TestMisspeltKeys misspells every key of every mapping, wherever it stands:
// strictness that is lost in one type is lost without a sound.
func TestMisspeltKeys(t *testing.T) {
	places := map[string]string{ // by level: a file with KEY where its keys stand
		"Top level":                     `{"KEY": x}`,
		"watch":                         `{watch: {"KEY": x}}`,
		"classifier":                    `{classifier: {"KEY": x}}`,
		"services.NAME":                 `{services: {a: {run: x, "KEY": x}}}`,
		"services.NAME.ready":           `{services: {a: {run: x, ready: {"KEY": x}}}}`,
		"services.NAME.listen[]":        `{services: {a: {run: x, listen: [{"KEY": x}]}}}`,
		"services.NAME.live":            `{services: {a: {run: x, live: {"KEY": x}}}}`,
		"services.NAME.stop":            `{services: {a: {run: x, stop: {"KEY": x}}}}`,
		"services.NAME.on_stats":        `{services: {a: {run: x, on_stats: {"KEY": x}}}}`,
		"services.NAME.hooks":           `{services: {a: {run: x, hooks: {"KEY": x}}}}`,
		"services.NAME.output":          `{services: {a: {run: x, output: {"KEY": x}}}}`,
		"services.NAME.restart":         `{services: {a: {run: x, restart: {"KEY": x}}}}`,
		"services.NAME.restart.backoff": `{services: {a: {run: x, restart: {backoff: {"KEY": x}}}}}`,
		"services.NAME.restart.budget":  `{services: {a: {run: x, restart: {budget: {"KEY": x}}}}}`,
		"services.NAME.depends_on.NAME": `{services: {b: {run: x}, a: {run: x, depends_on: {b: {"KEY": x}}}}}`,
		"services.NAME.units.NAME":      `{services: {a: {run: x, units: {u: {"KEY": x}}}}}`,
		"groups.NAME":                   `{groups: {g: {"KEY": x}}}`,
		"groups.NAME.budget":            `{groups: {g: {budget: {"KEY": x}}}}`,
		"actions.NAME":                  `{actions: {a: {"KEY": x}}}`,
		"rules[]":                       `{rules: [{pattern: x, "KEY": x}]}`,
	}
	all := levels()
	// The mappings inside types that can be written in several forms.
	all = append(all, level{title: "run", t: reflect.TypeFor[shellForm]()}, level{title: "action run", t: reflect.TypeFor[shellForm]()})
	places["run"] = `{services: {a: {run: {"KEY": x}}}}`
	places["action run"] = `{actions: {a: {run: {"KEY": x}}}}`
	for _, l := range all {
		file, ok := places[l.title]
		if !ok {
			t.Errorf("add a place for the keys of %s to this test", l.title)
			continue
		}
		for _, key := range append(fieldsOf(l.t).keys(), "zzzz") {
			wrong := key + "q"
			_, err := Parse("x.yaml", []byte(strings.Replace(file, "KEY", wrong, 1)))
			var errs Errors
			if !errors.As(err, &errs) {
				t.Errorf("%s: the key %s is not refused", l.title, wrong)
				continue
			}
			column := strings.Index(file, `"KEY"`) + 1
			i := slices.IndexFunc(errs, func(e Error) bool {
				return e.Line == 1 && e.Column == column && strings.HasPrefix(e.Text, fmt.Sprintf("unknown key %q", wrong))
			})
			if i < 0 {
				t.Errorf("%s: the key %s is refused for something else: %v", l.title, wrong, err)
			} else if key != "zzzz" && !strings.Contains(errs[i].Hint, "did you mean "+key) {
				t.Errorf("%s: the hint for %s is %q", l.title, wrong, errs[i].Hint)
			}
		}
	}
}

// TestExamplesWork loads the example of every key in its place.
func TestExamplesWork(t *testing.T) {
	wrap := map[string]string{
		"Top level": "%s", "watch": "watch: {%s}", "classifier": "classifier: {%s}", "actions.NAME": "actions: {z: {%s}}", "rules[]": "rules: [{pattern: x, %s}]",
		"services.NAME.listen[]": "services: {z: {run: x, listen: [{%s}]}}",
		"groups.NAME":            "services: {z: {run: x}}\ngroups: {g: {%s}}",
		"groups.NAME.budget":     "services: {z: {run: x}}\ngroups: {g: {members: [z], budget: {%s}}}",
	}
	for _, l := range levels() {
		form, ok := wrap[l.title]
		if !ok {
			rest := strings.TrimPrefix(strings.TrimPrefix(l.title, "services.NAME"), ".")
			form = "%s"
			if rest != "" {
				for _, key := range slices.Backward(strings.Split(rest, ".")) {
					form = key + ": {" + form + "}"
				}
			}
			form = "z: {run: x, " + form + "}"
			if rest == "" {
				form = "z: {%s}"
			}
			form = "services: {" + form + "}"
		}
		for _, f := range fieldsOf(l.t) {
			example := f.key + ": " + f.tag.Get("example")
			if f.key == "pattern" {
				example = "actions: [], " + example
				form = "rules: [{%s}]"
			} else if l.title == "rules[]" {
				form = wrap[l.title]
			} else if (l.title == "services.NAME" || l.title == "classifier") && f.key != "run" {
				example = "run: x, " + example
			} else if l.title == "groups.NAME" && f.key != "members" {
				example = "members: [z], " + example
			} else if beside := map[string]string{"status": "http", "body": "http", "header": "http", "echo": "http", "interval": "tcp", "timeout": "tcp", "failures": "tcp", "mode": "unix", "name": "unix"}[f.key]; beside == "http" || beside == "unix" || beside != "" && l.title == "services.NAME.live" {
				asks, _ := fieldsOf(l.t).byKey(beside)
				example += fmt.Sprintf(", %s: %q", beside, asks.tag.Get("example"))
			}
			root, errs := parseTree(fmt.Appendf(nil, form, example))
			if root == nil {
				t.Errorf("%s: the example %q is no YAML: %v", l.title, example, errs)
				continue
			}
			_, err := Parse("x.yaml", fmt.Appendf(nil, form, example))
			if !errors.As(err, &errs) {
				continue
			}
			for _, e := range errs {
				// Names in an example stand for those of the reader's file.
				if !strings.Contains(e.Text, "there is no ") {
					t.Errorf("%s: the example %q is refused: %v", l.title, example, e)
				}
			}
		}
	}
}
