//go:build linux

package main

import (
	"bounce/bench/internal/measure"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// peer is another reloader: where it comes from and how it is told to restart
// the probe when a .py file of the project changes.
type peer struct {
	name, version string
	install       func(ctx context.Context, dir string) error
	modes         []mode
}

// mode is one setting of a peer.
type mode struct {
	words string
	// quiet is the debounce that it stands for.
	quiet time.Duration
	// command returns what to run in the project. dir is where it was
	// installed, for its own files too.
	command func(dir string, p *project, pr *probe) ([]string, error)
}

// The peers, each at its defaults and, where that can be set, with the quiet
// time that bounce is measured with.
func peers(quiet time.Duration) []peer {
	return []peer{
		{
			name: "watchfiles", version: "1.3.0", install: measure.Pip("watchfiles==1.3.0"),
			modes: []mode{
				{"default", 50 * time.Millisecond, watchfiles(50 * time.Millisecond)},
				{"step set", quiet, watchfiles(quiet)},
			},
		},
		{
			name: "air", version: "v1.67.4", install: measure.GoInstall("github.com/air-verse/air@v1.67.4"),
			modes: []mode{
				{"default", time.Second, air(time.Second)},
				{"delay set", quiet, air(quiet)},
			},
		},
		{
			name: "wgo", version: "v0.7.1", install: measure.GoInstall("github.com/bokwoon95/wgo@v0.7.1"),
			modes: []mode{
				{"default", 300 * time.Millisecond, wgo(300 * time.Millisecond)},
				{"debounce set", quiet, wgo(quiet)},
			},
		},
		{
			name: "reflex", version: "v0.3.2", install: measure.GoInstall("github.com/cespare/reflex@v0.3.2"),
			modes: []mode{
				{"default", 300 * time.Millisecond, func(dir string, _ *project, pr *probe) ([]string, error) {
					return []string{filepath.Join(dir, "reflex"), "-r", `\.py$`, "-s", "--", pr.program, pr.pipe}, nil
				}},
			},
		},
	}
}

func watchfiles(step time.Duration) func(string, *project, *probe) ([]string, error) {
	return func(dir string, p *project, pr *probe) ([]string, error) {
		// The command line has no option for the step.
		program := fmt.Sprintf("import watchfiles\nwatchfiles.run_process(%q, target=%q, target_type='command', watch_filter=watchfiles.PythonFilter(), step=%d)",
			p.dir, pr.program+" "+pr.pipe, step/time.Millisecond)
		return []string{filepath.Join(dir, "venv", "bin", "python"), "-c", program}, nil
	}
}

func air(delay time.Duration) func(string, *project, *probe) ([]string, error) {
	return func(dir string, p *project, pr *probe) ([]string, error) {
		config := fmt.Sprintf("root = %q\ntmp_dir = %q\n[build]\ncmd = \"true\"\nbin = %q\nfull_bin = %q\ndelay = %d\ninclude_ext = [\"py\"]\nsend_interrupt = true\nkill_delay = \"2s\"\n",
			p.dir, filepath.Join(dir, "air-tmp"), pr.program, "exec "+pr.program+" "+pr.pipe, delay/time.Millisecond)
		file := filepath.Join(dir, "air.toml")
		return []string{filepath.Join(dir, "air"), "-c", file}, os.WriteFile(file, []byte(config), 0o644)
	}
}

func wgo(debounce time.Duration) func(string, *project, *probe) ([]string, error) {
	return func(dir string, _ *project, pr *probe) ([]string, error) {
		return []string{filepath.Join(dir, "wgo"), "-file", `\.py$`, "-debounce", debounce.String(), pr.program, pr.pipe}, nil
	}
}

// measure runs the peer on the project in one of its modes.
func (m mode) measure(name, dir string, p *project, pr *probe, n int) ([]*series, error) {
	argv, err := m.command(dir, p, pr)
	if err != nil {
		return nil, err
	}
	said := &measure.Tail{}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = p.dir, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// Its service may hold the output open after its end.
	cmd.WaitDelay = time.Second
	pr.drain()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	defer func() {
		_ = cmd.Process.Signal(os.Interrupt)
		force := time.AfterFunc(3*time.Second, func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) })
		_ = cmd.Wait() // how it ends is not what is measured
		force.Stop()
		pr.reap()
	}()
	if _, err := pr.next(patience); err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	time.Sleep(time.Second) // its watches may come after its first start
	if m.quiet > 100*time.Millisecond {
		n = min(n, 20) // its debounce is what is measured, and varies little
	}
	return measureStarts(name, p, pr, n, m.quiet, cmd.Process.Pid)
}
