package configs

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

var procfileLine = regexp.MustCompile(`^([A-Za-z0-9_-]+)[ \t]*:[ \t]*(.*)$`)

// portStep is what foreman and honcho leave between the ports of two lines.
const portStep = 100

// FromProcfile reads lines "name: command", as foreman and honcho do: each is
// a service with the defaults of dev. A command that only a shell understands
// is given to one. A .env file beside the Procfile is every service's env
// file, and $PORT is 5000 for the first line, 5100 for the second and so on,
// or counts from the PORT that the environment or .env has.
func FromProcfile(path string) (*Config, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot load %s: %w", printable(path), err)
	}
	file, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("cannot load %s: %w", printable(path), err)
	}
	var envFile List
	if isFile(filepath.Join(filepath.Dir(file), ".env")) {
		envFile = List{".env"}
	}
	c, errs := parseProcfile(data, envFile)
	if len(errs) > 0 {
		return nil, in(path, errs)
	}
	c.File, c.Sum, c.Dir = file, sha256.Sum256(data), filepath.Dir(file)
	return c, nil
}

// parseProcfile reads the bytes of a Procfile.
func parseProcfile(data []byte, envFile List) (*Config, Errors) {
	if len(data) > maxBytes {
		return nil, Errors{{Text: "the file is larger than 1 MiB"}}
	}
	if at, bad := invalidUTF8(data); bad {
		return nil, Errors{{Line: at.line, Column: at.column, Text: "the file is not UTF-8 from here on", Hint: "save it as UTF-8"}}
	}
	def := defaultsOf(Dev)
	c := def.config
	c.Services, c.at = map[string]Service{}, places{}
	var errs Errors
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(data, []byte("\ufeff"))))
	lines.Buffer(nil, maxBytes+1)
	for number := 1; lines.Scan(); number++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || text[0] == '#' {
			continue
		}
		fail := func(text, hint string) {
			errs = append(errs, Error{Line: number, Column: 1, Text: text, Hint: hint})
		}
		m := procfileLine.FindStringSubmatch(text)
		if m == nil {
			fail("not a line of the form name: command", "for example web: gunicorn shop.wsgi")
			continue
		}
		name := m[1]
		if !serviceName.MatchString(name) {
			fail(fmt.Sprintf("%q cannot be the name of a service", name), "up to 63 letters, digits, - and _, beginning with a letter or digit")
			continue
		}
		if _, ok := c.Services[name]; ok {
			fail(fmt.Sprintf("the name %q is given twice", name), "")
			continue
		}
		s := def.service
		s.Name, s.EnvFile, s.port = name, envFile, 1+portStep*len(c.Services)
		if s.Run, errs = procfileCommand(m[2], number, errs); s.Run.Argv() == nil {
			continue
		}
		path := child("services", name)
		c.at[path] = struct{ key, value place }{place{number, 1}, place{number, 1}}
		c.Services[name] = s
	}
	if len(errs) == 0 && len(c.Services) == 0 {
		errs = append(errs, Error{Text: "the file names no service", Hint: "for example web: gunicorn shop.wsgi"})
	}
	return &c, errs
}

func procfileCommand(text string, number int, errs Errors) (Command, Errors) {
	run, err := fromShellLine(text)
	if err == nil && strings.Contains(text, "\x00") {
		err = fmt.Errorf("a NUL character stands in it")
	}
	if err != nil {
		return Command{}, append(errs, Error{Line: number, Column: 1, Text: fmt.Sprintf("cannot run this line: %v", err), Hint: "for example web: gunicorn shop.wsgi"})
	}
	return run, errs
}
