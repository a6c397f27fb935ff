package configs

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// The schema and the reference say what the types, their tags and the comments
// of their fields say. Run "go test ./configs -update" after changing those.

const (
	schemaFile    = "../docs/bounce.schema.json"
	referenceFile = "../docs/configuration.md"
)

func TestSchemaIsCurrent(t *testing.T) {
	data := indented(schema(t))
	generated(t, schemaFile, data)
}

// TestReferenceIsCurrent fills the marked parts of the reference. What stands
// between them is written by hand.
func TestReferenceIsCurrent(t *testing.T) {
	parts := map[string]string{"keys": reference(t), "presets": presetTable(), "mistakes": mistakes(t)}
	samples, err := filepath.Glob("samples/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, sample := range samples {
		data, err := os.ReadFile(sample)
		if err != nil {
			t.Fatal(err)
		}
		parts[sample] = "```yaml\n" + string(data) + "```\n"
	}
	data, err := os.ReadFile(referenceFile)
	if err != nil {
		t.Fatal(err)
	}
	mark := regexp.MustCompile(`(?s)(<!-- generated: (\S+) -->\n).*?(<!-- end -->)`)
	text := mark.ReplaceAllStringFunc(string(data), func(block string) string {
		m := mark.FindStringSubmatch(block)
		part, ok := parts[m[2]]
		if !ok {
			t.Errorf("%s has a part %q that nothing generates", referenceFile, m[2])
		}
		delete(parts, m[2])
		return m[1] + part + m[3]
	})
	for part := range parts {
		t.Errorf("%s has no part %q", referenceFile, part)
	}
	generated(t, referenceFile, text)
}

func generated(t *testing.T, file, want string) {
	t.Helper()
	got, err := os.ReadFile(file)
	if string(got) == want {
		return
	}
	if !*update {
		t.Errorf("%s is not what the sources say (%v): run go test ./configs -update and read the diff", file, err)
		return
	}
	if err := os.WriteFile(file, []byte(want), 0o666); err != nil {
		t.Error(err)
	}
}

// comments returns the comment of each field with a key, by "Type.Field", as
// one line that begins with the field's key, and those of types by "Type".
func comments(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range parsed.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, spec := range gen.Specs {
				spec := spec.(*ast.TypeSpec)
				all[spec.Name.Name] = oneLine(gen.Doc)
				fields, ok := spec.Type.(*ast.StructType)
				if !ok {
					continue
				}
				for _, f := range fields.Fields.List {
					for _, name := range f.Names {
						all[spec.Name.Name+"."+name.Name] = oneLine(f.Doc)
					}
				}
			}
		}
	}
	return all
}

func oneLine(g *ast.CommentGroup) string {
	return strings.Join(strings.Fields(g.Text()), " ")
}

// meaning is a field's comment for people who know its key only.
func meaning(t *testing.T, docs map[string]string, owner reflect.Type, f field) string {
	t.Helper()
	name := owner.FieldByIndex(f.index).Name
	if inner := f.index[:len(f.index)-1]; len(inner) > 0 {
		owner = owner.FieldByIndex(inner).Type // it is embedded
	}
	doc := docs[owner.Name()+"."+name]
	if doc == "" && owner.PkgPath() == reflect.TypeFor[Config]().PkgPath() && unicode.IsUpper(rune(owner.Name()[0])) {
		t.Errorf("%s.%s has no comment: it is the reference of the key %s", owner.Name(), name, f.key)
	}
	rest, ok := strings.CutPrefix(doc, name+" ")
	if !ok {
		return doc
	}
	return "`" + f.key + "` " + rest
}

// level is one mapping of a configuration with its keys.
type level struct {
	title, intro string
	t            reflect.Type
	dev, prod    reflect.Value // what its keys are when left out
}

// levels returns all mappings with fixed keys, outermost first.
func levels() []level {
	dev, prod := defaultsOf(Dev), defaultsOf(Prod)
	all := []level{{"Top level", "", reflect.TypeFor[Config](), reflect.ValueOf(dev.config), reflect.ValueOf(prod.config)}}
	nest := func(l level) {
		var inside func(l level)
		inside = func(l level) {
			for _, f := range fieldsOf(l.t) {
				if ft := l.t.FieldByIndex(f.index).Type; ft.Kind() == reflect.Struct && len(fieldsOf(ft)) > 0 {
					title := f.key
					if l.title != "Top level" {
						title = l.title + "." + f.key
					}
					next := level{title, "", ft, l.dev.FieldByIndex(f.index), l.prod.FieldByIndex(f.index)}
					all = append(all, next)
					inside(next)
				}
			}
		}
		inside(l)
	}
	nest(all[0])
	service := level{"services.NAME", "Each key of `services` is the name of a service: up to 63 letters, digits, `-`, `_` and `.`.",
		reflect.TypeFor[Service](), reflect.ValueOf(dev.service), reflect.ValueOf(prod.service)}
	all = append(all, service)
	nest(service)
	inner := func(title, intro string, dev, prod any) level {
		return level{title, intro, reflect.TypeOf(dev), reflect.ValueOf(dev), reflect.ValueOf(prod)}
	}
	group := inner("groups.NAME", "Each key of `groups` is the name of a group.", dev.group, prod.group)
	all = append(all,
		inner("services.NAME.depends_on.NAME", "Each key of `depends_on` is the name of a service; a list of names has the defaults.", dev.dependency, prod.dependency),
		inner("services.NAME.units.NAME", "Each key of `units` is the name that a unit reports by.", dev.unit, prod.unit))
	all = append(all, group)
	nest(group)
	all = append(all,
		level{"services.NAME.listen[]", "Each item of `listen` is an address, or a mapping with these keys.", reflect.TypeFor[Listen](), reflect.ValueOf(Listen{}), reflect.ValueOf(Listen{})},
		level{"actions.NAME", "Each key of `actions` is the name of an action.", reflect.TypeFor[Action](), reflect.ValueOf(dev.action), reflect.ValueOf(prod.action)},
		level{"rules[]", "Each item of `rules` is one rule.", reflect.TypeFor[Rule](), reflect.ValueOf(Rule{}), reflect.ValueOf(Rule{})})
	return all
}

// reference writes a table of keys for each level.
func reference(t *testing.T) string {
	docs := comments(t)
	var b strings.Builder
	for _, l := range levels() {
		fmt.Fprintf(&b, "\n### %s\n\n", strings.ReplaceAll(l.title, "[]", "\\[\\]"))
		if l.intro != "" {
			fmt.Fprintf(&b, "%s\n\n", l.intro)
		}
		b.WriteString("| key | type | dev | prod | meaning | example |\n|---|---|---|---|---|---|\n")
		for _, f := range fieldsOf(l.t) {
			ft := l.t.FieldByIndex(f.index).Type
			cells := []string{
				"`" + f.key + "`", typeName(ft, f.tag),
				defaultText(l.dev.FieldByIndex(f.index), f), defaultText(l.prod.FieldByIndex(f.index), f),
				meaning(t, docs, l.t, f), "`" + f.key + ": " + f.tag.Get("example") + "`",
			}
			for i := range cells {
				cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
			}
			fmt.Fprintf(&b, "| %s |\n", strings.Join(cells, " | "))
		}
	}
	return b.String() + "\n"
}

func typeName(t reflect.Type, tag reflect.StructTag) string {
	if enum := tag.Get("enum"); enum != "" {
		words := "`" + strings.ReplaceAll(enum, "|", "` `") + "`"
		if t.Kind() == reflect.Map {
			return "mapping to " + words
		}
		return words
	}
	switch t {
	case reflect.TypeFor[Duration]():
		if never := tag.Get("never"); never != "" {
			return "duration or `" + never + "`"
		}
		return "duration"
	case reflect.TypeFor[Size]():
		return "size"
	case reflect.TypeFor[List]():
		return "list of texts"
	case reflect.TypeFor[Command]():
		return "command"
	case reflect.TypeFor[HookCommand]():
		return "command or mapping"
	case reflect.TypeFor[DependsOn]():
		return "list or mapping"
	case reflect.TypeFor[Listening]():
		return "list of addresses or mappings"
	case reflect.TypeFor[Ready]():
		return "`none` `notify` or mapping"
	case reflect.TypeFor[Restart]():
		return "preset or mapping"
	case reflect.TypeFor[Fallback]():
		return "`none` `all` or list"
	case reflect.TypeFor[map[string]Limit]():
		return "mapping to limits"
	}
	switch t.Kind() {
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "whole number"
	case reflect.Float64:
		return "number"
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Int {
			return "list of whole numbers"
		}
		return "list of mappings"
	}
	return "mapping"
}

// defaultText is what a key is when it is left out.
func defaultText(v reflect.Value, f field) string {
	if f.required() {
		return "required"
	}
	if v.Kind() == reflect.Struct && len(fieldsOf(v.Type())) > 0 {
		return "" // its own table has them
	}
	data, err := json.Marshal(v.Interface())
	if err != nil {
		panic(err)
	}
	switch text := strings.Trim(string(data), `"`); text {
	case "", "null", "[]", "{}":
		return "none"
	default:
		return "`" + strings.ReplaceAll(strings.ReplaceAll(text, `"`, ""), ",", ", ") + "`"
	}
}

func presetTable() string {
	var b strings.Builder
	b.WriteString("| preset | when | backoff | budget | on_exhausted | stable_after |\n|---|---|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(presets)) {
		r := preset(presets[name])
		fmt.Fprintf(&b, "| `%s` | `%s` | `%s` × %g, at most `%s` | %d in `%s` | `%s` (`%s`) | `%s` |\n", name, r.When,
			r.Backoff.Base, r.Backoff.Factor, r.Backoff.Max, r.Budget.Restarts, r.Budget.Window, r.OnExhausted, r.Cooldown, r.StableAfter)
	}
	return b.String()
}

// mistakes shows what a wrong file looks like, and what is said of it.
func mistakes(t *testing.T) string {
	file := "services:\n  api:\n    run: uvicorn shop.api:app --port $PORT\n    stop: {grace: 10}\n    depends_on: [databse]\n  database: {run: postgres -D data, wacth: [conf/*]}\n"
	_, err := Parse("bounce.yaml", []byte(file))
	if err == nil {
		t.Fatal("the sample of mistakes has none")
	}
	return "```yaml\n" + file + "```\n\n```text\n" + err.Error() + "\n```\n"
}

// schema returns the JSON Schema of a configuration.
func schema(t *testing.T) map[string]any {
	docs := comments(t)
	defs := map[string]any{}
	for _, l := range levels() {
		properties, required := map[string]any{}, []string{}
		for _, f := range fieldsOf(l.t) {
			s := schemaOf(l.t.FieldByIndex(f.index).Type, f.tag)
			s["description"] = describe(meaning(t, docs, l.t, f), defaultText(l.dev.FieldByIndex(f.index), f), defaultText(l.prod.FieldByIndex(f.index), f))
			properties[f.key] = s
			if f.required() {
				required = append(required, f.key)
			}
		}
		def := object(properties)
		if len(required) > 0 {
			def["required"] = required
		}
		defs[l.t.Name()] = def
	}
	root := defs["Config"].(map[string]any)
	delete(defs, "Config")
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "bounce configuration"
	root["$defs"] = defs
	return root
}

func describe(meaning, dev, prod string) string {
	text := strings.ReplaceAll(meaning, "`", "")
	switch dev, prod := strings.Trim(dev, "`"), strings.Trim(prod, "`"); {
	case dev == "" || dev == "required" || dev == "none":
	case dev == prod:
		text += " Default: " + dev + " (both profiles)."
	default:
		text += " Default: " + dev + " (dev), " + prod + " (prod)."
	}
	return text
}

func object(properties map[string]any) map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": properties}
}

// anyText is a scalar that is taken as it is written.
func anyText() map[string]any {
	return map[string]any{"type": []string{"string", "number", "boolean"}}
}

func arrayOf(items map[string]any) map[string]any {
	return map[string]any{"type": []string{"array", "null"}, "items": items}
}

func either(schemas ...map[string]any) map[string]any { return map[string]any{"anyOf": schemas} }

func schemaOf(t reflect.Type, tag reflect.StructTag) map[string]any {
	if enum := tag.Get("enum"); enum != "" && t.Kind() != reflect.Map {
		return map[string]any{"enum": strings.Split(enum, "|")}
	}
	switch t {
	case reflect.TypeFor[Duration]():
		s := map[string]any{"type": "string", "pattern": durationForm.String()}
		if never := tag.Get("never"); never != "" {
			return either(s, map[string]any{"enum": []string{never}})
		}
		return s
	case reflect.TypeFor[Size]():
		return map[string]any{"type": "string", "pattern": sizeForm.String()}
	case reflect.TypeFor[List]():
		return either(anyText(), arrayOf(anyText()))
	case reflect.TypeFor[Command]():
		words := arrayOf(anyText())
		words["type"], words["minItems"] = "array", 1
		shell := object(map[string]any{"shell": anyText()})
		shell["required"] = []string{"shell"}
		return either(map[string]any{"type": []string{"string", "number", "boolean"}, "minLength": 1}, words, shell)
	case reflect.TypeFor[HookCommand]():
		command := schemaOf(reflect.TypeFor[Command](), "")
		with := object(map[string]any{"run": command, "timeout": schemaOf(reflect.TypeFor[Duration](), "")})
		with["required"] = []string{"run"}
		return either(command, with)
	case reflect.TypeFor[DependsOn]():
		one := either(map[string]any{"$ref": "#/$defs/Dependency"}, map[string]any{"type": "null"})
		return either(anyText(), arrayOf(anyText()), map[string]any{"type": "object", "additionalProperties": one})
	case reflect.TypeFor[Listening]():
		one := map[string]any{"$ref": "#/$defs/Listen"}
		return either(anyText(), one, arrayOf(either(anyText(), one)))
	case reflect.TypeFor[Ready]():
		return either(map[string]any{"enum": []string{"none", "notify"}}, map[string]any{"$ref": "#/$defs/Ready"}, map[string]any{"type": "null"})
	case reflect.TypeFor[Restart]():
		return either(map[string]any{"enum": slices.Sorted(maps.Keys(presets))}, map[string]any{"$ref": "#/$defs/Restart"}, map[string]any{"type": "null"})
	case reflect.TypeFor[Fallback]():
		return either(map[string]any{"enum": []string{"none", "all"}}, map[string]any{"type": "array", "items": anyText()})
	}
	if t == reflect.TypeFor[Limit]() {
		return either(map[string]any{"type": "integer", "minimum": 0}, map[string]any{"type": "string", "pattern": limitForm})
	}
	switch t.Kind() {
	case reflect.String:
		return anyText()
	case reflect.Bool:
		words := []any{true, false}
		for _, w := range slices.Sorted(maps.Keys(switches)) {
			words = append(words, w)
		}
		return map[string]any{"enum": words}
	case reflect.Int, reflect.Float64:
		s := map[string]any{"type": "number"}
		if t.Kind() == reflect.Int {
			s["type"] = "integer"
		}
		for keyword, name := range map[string]string{"minimum": "min", "maximum": "max"} {
			if bound := tag.Get(name); bound != "" {
				s[keyword] = json.Number(bound)
			}
		}
		return s
	case reflect.Slice:
		return arrayOf(schemaOf(t.Elem(), tag))
	case reflect.Map:
		values := schemaOf(t.Elem(), "")
		if t.Elem().Kind() == reflect.String {
			values = schemaOf(t.Elem(), tag)
		}
		return map[string]any{"type": []string{"object", "null"}, "additionalProperties": values}
	}
	return either(map[string]any{"$ref": "#/$defs/" + t.Name()}, map[string]any{"type": "null"})
}
