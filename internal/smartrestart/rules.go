package smartrestart

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strings"
)

// rules is a rule file as far as it is looked at when it is loaded: the rules
// themselves are judged when a file comes upon them.
type rules struct {
	actions  *dict // name to *big.Int, the order
	rules    []value
	fallback value         // a string or a *list
	lines    map[value]int // where rules stand
}

// ours is an error for what smart-restart does not survive.
func ours(format string, args ...any) error {
	return fmt.Errorf("smart-restart ends with a traceback here: "+format, args...)
}

// load reads a rule file. name is what it was called; messages call it what
// Python's pathlib makes of that.
func load(dir, name string) (rules, error) {
	file := name
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	src, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return rules{}, fmt.Errorf("rules file missing: %s", posix(name))
	case err != nil:
		return rules{}, ours("%v", err)
	}
	data, lines, err := readYAML(src)
	if err != nil {
		return rules{}, err
	}
	file = posix(name)
	top, ok := data.(*dict)
	if !ok {
		return rules{}, fmt.Errorf("rules file must be a mapping at top level: %s", file)
	}
	r := rules{actions: new(dict), fallback: "none", lines: lines}
	if err := r.declare(top); err != nil {
		return rules{}, err
	}
	if v, _ := top.get("rules"); truth(v) {
		l, ok := v.(*list)
		if !ok {
			return rules{}, errors.New("'rules' must be a list")
		}
		r.rules = l.items
	}
	if v, ok := top.get("fallback"); ok {
		r.fallback = v
	}
	switch r.fallback.(type) {
	case string, *list:
		return r, nil
	}
	return rules{}, errors.New("'fallback' must be a string or list of action names")
}

// declare reads the actions with their orders.
func (r *rules) declare(top *dict) error {
	v, _ := top.get("actions")
	if !truth(v) {
		return nil
	}
	specs, ok := v.(*dict)
	if !ok {
		return errors.New("'actions' must be a mapping of name -> {order: int}")
	}
	for _, name := range specs.keys {
		order := value(big.NewInt(100))
		id, _ := identity(name)
		switch spec := specs.values[id].(type) {
		case nil:
		case *dict:
			if v, ok := spec.get("order"); ok {
				order = v
			}
		default:
			return fmt.Errorf("action '%s' spec must be a mapping or null", python(name))
		}
		i, err := toInt(order)
		if err != nil {
			return err
		}
		r.actions.set(name, i)
	}
	return nil
}

// toInt is Python's int(v).
func toInt(v value) (*big.Int, error) {
	switch v := v.(type) {
	case bool:
		if v {
			return big.NewInt(1), nil
		}
		return new(big.Int), nil
	case *big.Int:
		return v, nil
	case float64:
		switch {
		case math.IsNaN(v):
			return nil, errors.New("cannot convert float NaN to integer")
		case math.IsInf(v, 0):
			return nil, ours("an order is infinite")
		}
		i, _ := big.NewFloat(v).Int(nil)
		return i, nil
	case string:
		return integer(v, 10)
	}
	return nil, ours("an order is no number")
}

// order returns the order of a declared action.
func (r *rules) order(action value) (order *big.Int, declared bool, err error) {
	id, ok := identity(action)
	if !ok {
		return nil, false, ours("a list or a mapping stands for an action")
	}
	v, ok := r.actions.values[id]
	if !ok {
		return nil, false, nil
	}
	return v.(*big.Int), true, nil
}

// posix is how pathlib writes a path: without "./", "//" and a slash at its
// end. ".." stays.
func posix(path string) string {
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		if part != "" && part != "." {
			parts = append(parts, part)
		}
	}
	clean := strings.Join(parts, "/")
	switch {
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return "//" + clean
	case strings.HasPrefix(path, "/"):
		return "/" + clean
	case clean == "":
		return "."
	}
	return clean
}
