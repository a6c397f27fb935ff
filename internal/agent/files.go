package agent

import (
	"fmt"

	"bounce/internal/control"
	"bounce/internal/logfile"
	"bounce/runner"
)

// files are where the lines of services are written to, by service.
type files map[string]*logfile.File

// openFiles returns the files that the configuration names. What they cannot
// take is told as an event: a disk that is full or slow is no reason to stop a
// service.
func (a *Agent) openFiles() files {
	open := files{}
	for name, s := range a.config.Services {
		path := a.config.OutputPath(s)
		if path == "" {
			continue
		}
		shown := relative(a.config.Dir, path)
		open[name] = logfile.Open(logfile.Options{
			Path: path, MaxSize: int(s.Output.MaxSize), Keep: s.Output.Keep, Compress: s.Output.Compress,
			Lost: func(lines int, why error) {
				a.emit(control.Event{
					Kind: string(runner.KindDropped), Service: name, Count: lines,
					Text: fmt.Sprintf("%s left out of %s: %v", counted(lines, "line"), shown, why),
				})
			},
		})
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
