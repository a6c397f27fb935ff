package configs

import (
	"fmt"
	"path"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// Output says where the lines of a service go, beside the terminal of bounce
// up and what bounce logs shows.
type Output struct {
	// File gets every line as the process wrote it, relative to the project. The
	// process never waits for it: lines that the disk does not take are left out,
	// and counted. Changes of the file are no changes of the project, so it is
	// no file of Python, no env file and not the configuration.
	File string `json:"file" example:"logs/api.log"`
	// MaxSize is the size at which the file is renamed, with the time in its
	// name, and begun anew.
	MaxSize Size `json:"max_size" example:"10MB"`
	// Keep is how many renamed files are kept.
	Keep int `json:"keep" min:"1" max:"10000" example:"5"`
	// Compress packs renamed files with gzip.
	Compress bool `json:"compress" example:"true"`
}

// OutputPath returns the file that the lines of a service are written to,
// absolute; "" for none.
func (c *Config) OutputPath(s Service) string { return c.path(s.Output.File) }

// outputGlobs match the file of a service, and what it is renamed to; none
// when it has no file, or one that is not in the project.
func (c *Config) outputGlobs(s Service) []string {
	if s.Output.File == "" {
		return nil
	}
	file := c.rel(s.Output.File)
	if file == ".." || strings.HasPrefix(file, "../") {
		return nil
	}
	ext := path.Ext(file)
	renamed := literal(strings.TrimSuffix(file, ext)) + "-*"
	if ext != "" {
		renamed += literal(ext)[1:] + "*"
	}
	return []string{literal(file), renamed}
}

func (k *checker) output(name string, s Service) {
	at := child("services", name) + ".output"
	if s.Output.File == "" {
		if k.given(at+".max_size") || k.given(at+".keep") || k.given(at+".compress") {
			k.warn(at, at+" names no file", fmt.Sprintf("add the line  file: logs/%s.log", name))
		}
		return
	}
	k.written(at+".file", s.Output.File)
	for _, other := range k.services {
		if o := k.Services[other].Output.File; other < name && o != "" && k.abs(o) == k.abs(s.Output.File) {
			k.fail(at+".file", fmt.Sprintf("%s.file is the file of %s too", at, other), "give each service a file of its own")
		}
	}
}

// Size is a number of MiB, written with a unit: 10MB, 1GB.
type Size int

var sizeForm = regexp.MustCompile(`^([1-9][0-9]{0,4})(MB|GB)$`)

func (t *Size) decode(d *decoder, n *node, path string, tag reflect.StructTag) {
	if n.kind != scalar || n.null() {
		d.wrong(n, path, "a size", tag)
		return
	}
	parts := sizeForm.FindStringSubmatch(n.text)
	if parts == nil {
		d.fail(n.pos, fmt.Sprintf("%s wants a size, not %s", path, n.words()), "write it as 10MB or 1GB, in whole numbers")
		return
	}
	size, _ := strconv.Atoi(parts[1]) // the form has at most five digits
	if parts[2] == "GB" {
		size <<= 10
	}
	*t = Size(size)
}

// String writes t in the largest unit of which it is a whole number.
func (t Size) String() string {
	if t > 0 && t%1024 == 0 {
		return fmt.Sprintf("%dGB", t/1024)
	}
	return fmt.Sprintf("%dMB", int(t))
}

// MarshalText implements encoding.TextMarshaler.
func (t Size) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
