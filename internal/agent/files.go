package agent

import (
	"fmt"

	"bounce/configs"
	"bounce/internal/control"
	"bounce/internal/logfile"
	"bounce/runner"
)

// files are where the lines of services are written to, by service.
type files map[string]*outputFile

// outputFile is a file with how it was opened.
type outputFile struct {
	*logfile.File
	path   string
	output configs.Output
}

// openFiles returns the files that a configuration names; those that were open
// in the same way go on. What they cannot
// take is told as an event: a disk that is full or slow is no reason to stop a
// service.
func (a *Agent) openFiles(cfg *configs.Config, was files) files {
	open := files{}
	for name, s := range cfg.Services {
		path := cfg.OutputPath(s)
		if path == "" {
			continue
		}
		shown := relative(cfg.Dir, path)
		if file := was[name]; file != nil && file.path == path && file.output == s.Output {
			open[name] = file
			continue
		}
		open[name] = &outputFile{path: path, output: s.Output, File: logfile.Open(logfile.Options{
			Path: path, MaxSize: int(s.Output.MaxSize), Keep: s.Output.Keep, Compress: s.Output.Compress,
			Lost: func(lines int, why error) {
				a.emit(control.Event{
					Kind: string(runner.KindDropped), Service: name, Count: lines,
					Text: fmt.Sprintf("%s left out of %s: %v", counted(lines, "line"), shown, why),
				})
			},
		})}
	}
	return open
}

// add writes a line of a service as it is.
func (f files) add(l runner.Line) {
	if file := f[l.Service]; file != nil {
		file.Line(l.Text)
	}
}

// close writes what is left.
func (f files) close() {
	for _, file := range f {
		file.Close()
	}
}

// without returns those of f that are not among others.
func (f files) without(others files) files {
	rest := files{}
	for name, file := range f {
		if others[name] != file {
			rest[name] = file
		}
	}
	return rest
}
