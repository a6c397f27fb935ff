package warm

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Command is a command that a Python runs, as far as it matters here.
type Command struct {
	// First is the directory in which it looks for modules before all others: that
	// of its script, or its working directory.
	First []string
}

var pythonName = regexp.MustCompile(`^python(3(\.[0-9]+)?[dt]?)?$`)

// Read reads a command in a directory, whose program was found at path. It must
// be certain to be run by a Python that takes note of PYTHONPATH, and without a
// person at it: any other would run the service in place of a parent. The error
// says what is in the way. A version manager's python is taken for what it leads
// to: that a Python is there which runs a sitecustomize, who observes the service
// knows.
func Read(argv []string, path, dir string, env []string) (Command, error) {
	for _, kv := range env {
		switch name, value, _ := strings.Cut(kv, "="); {
		case (name == "PYTHONINSPECT" || name == "PYTHONVERBOSE" || name == "PYTHONPROFILEIMPORTTIME") && value != "":
			return Command{}, fmt.Errorf("%s is set", name)
		}
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	args := argv[1:]
	if !pythonName.MatchString(filepath.Base(path)) {
		line, ok := firstLine(path)
		if !ok {
			return Command{}, fmt.Errorf("%s is not known to be a Python", argv[0])
		}
		words := strings.Fields(line)
		if len(words) > 0 && filepath.Base(words[0]) == "env" {
			words = words[1:]
		}
		if len(words) == 0 || !pythonName.MatchString(filepath.Base(words[0])) || len(words) > 2 {
			return Command{}, fmt.Errorf("%s is not known to be run by a Python", argv[0])
		}
		args = append(append(words[1:len(words):len(words)], path), args...)
	} else if real, err := filepath.EvalSymlinks(path); err != nil || !pythonName.MatchString(filepath.Base(real)) {
		return Command{}, fmt.Errorf("%s is not known to be CPython", argv[0])
	}
	target, script, err := afterFlags(args)
	if err != nil {
		return Command{}, err
	}
	if !script {
		return Command{First: []string{dir}}, nil
	}
	if !filepath.IsAbs(target) {
		target = filepath.Join(dir, target)
	}
	first := []string{filepath.Dir(target)}
	if real, err := filepath.EvalSymlinks(target); err == nil && filepath.Dir(real) != first[0] {
		first = append(first, filepath.Dir(real))
	}
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		first = []string{target}
	}
	return Command{First: first}, nil
}

// afterFlags reads the arguments of a Python up to what it is to run: a script,
// or a module or text.
func afterFlags(args []string) (target string, script bool, err error) {
	for i := 0; i < len(args); i++ {
		arg := args[i]
		switch {
		case arg == "--check-hash-based-pycs":
			i++
			continue
		case len(arg) < 2 && arg != "-", !strings.HasPrefix(arg, "-"):
			return arg, true, nil
		case arg == "-" || strings.HasPrefix(arg, "--"):
			return "", false, fmt.Errorf("its Python is given %s", arg)
		}
		for j := 1; j < len(arg); j++ {
			switch flag := arg[j]; flag {
			case 'b', 'B', 'O', 'P', 'q', 's', 'u', 'R':
				continue
			case 'c', 'm':
				return "", false, nil
			case 'W', 'X':
				value := arg[j+1:]
				if value == "" {
					if i++; i < len(args) {
						value = args[i]
					}
				}
				if flag == 'X' && strings.HasPrefix(value, "importtime") {
					return "", false, fmt.Errorf("its Python is given -X %s", value)
				}
			default:
				return "", false, fmt.Errorf("its Python is given -%c", flag)
			}
			break
		}
	}
	return "", false, fmt.Errorf("its Python is given nothing to run")
}

// firstLine returns what follows "#!" in the first line of a file.
func firstLine(path string) (string, bool) {
	f, err := os.Open(path)
	if err != nil {
		return "", false
	}
	defer f.Close()
	line, _ := bufio.NewReaderSize(f, 512).ReadSlice('\n') // a long line is cut, as the kernel does
	return strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "#!")
}
