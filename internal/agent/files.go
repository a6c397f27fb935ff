package agent

import (
	"context"
	"fmt"
	"maps"

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

// openFiles returns the files that a configuration names; those that are open
// go on as it says. The file of a service that is gone stays open for its last
// words, see departed. What they cannot take is told as an event: a
// disk that is full or slow is no reason to stop a service.
func (a *Agent) openFiles(cfg *configs.Config, was files) files {
	open := maps.Clone(was)
	for name, s := range cfg.Services {
		path := cfg.OutputPath(s)
		if path == "" {
			open.drop(name)
			continue
		}
		shown := relative(cfg.Dir, path)
		opts := logfile.Options{
			Path: path, MaxSize: int(s.Output.MaxSize), Keep: s.Output.Keep, Compress: s.Output.Compress,
			Lost: func(lines int, why error) {
				a.emit(control.Event{
					Kind: string(runner.KindDropped), Service: name, Count: lines,
					Text: fmt.Sprintf("%s left out of %s: %v", counted(lines, "line"), shown, why),
				})
			},
		}
		file := was[name]
		switch {
		case file == nil:
			file = &outputFile{logfile.Open(opts), path, s.Output}
		case file.path != path || file.output != s.Output:
			file.Reopen(opts)
			file = &outputFile{file.File, path, s.Output}
		}
		open[name] = file
	}
	return open
}

// departed is called by the runner when nothing is left of a service that a
// reload has removed. Unless another one has brought it back, its file is closed.
func (a *Agent) departed(service string) {
	var last *outputFile
	_ = a.do(context.Background(), func(context.Context) { // else all are closed soon
		next := *a.setup()
		if _, back := next.config.Services[service]; back || next.files[service] == nil {
			return
		}
		last = next.files[service]
		next.files = maps.Clone(next.files)
		delete(next.files, service)
		a.inPlace.Store(&next)
	})
	if last != nil {
		last.Close()
	}
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

// drop closes the file of a service, if there is one.
func (f files) drop(name string) {
	if file := f[name]; file != nil {
		file.Close()
		delete(f, name)
	}
}
