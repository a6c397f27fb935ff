package shim

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestStrangersAreRefused has another user come as far as the socket of a shim,
// which its directory keeps from happening: it is told nothing.
func TestStrangersAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may become another user")
	}
	dir := place(t)
	s := run(t, dir, `exec sleep 100`, nil)
	s.Leave()
	for _, open := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(dir), dir} {
		if err := os.Chmod(open, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	socket := s.path + socketSuffix
	if err := os.Chmod(socket, 0o666); err != nil {
		t.Fatal(err)
	}
	visit := func(uid uint32) string {
		const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
s.connect(sys.argv[1])
try:
    print("told" if s.recv(1) else "refused")
except ConnectionResetError:
    print("refused")
`
		cmd := exec.Command("/usr/bin/python3", "-c", script, socket) // others need not be for everybody
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := visit(54323); got != "refused" {
		t.Errorf("somebody else: %s", got)
	}
	if got := visit(0); got != "told" {
		t.Errorf("root: %s", got)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	shims, _, err := Find(dir)
	if err != nil || len(shims) != 1 || shims[0].Command() != s.Command() {
		t.Fatalf("%v, %v", shims, err)
	}
	shims[0].Leave()
}

// TestTermRightAfterTheStart sends a shim TERM before it can have done anything:
// there is one that does its work, or none, and that is known at once.
func TestTermRightAfterTheStart(t *testing.T) {
	for i := range 10 {
		begun := time.Now()
		s, err := Start(place(t), "api", func(path string, argv []string, attr *os.ProcAttr) error {
			child, err := os.StartProcess(path, argv, attr)
			if err != nil {
				return err
			}
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				_, _ = child.Wait()
			}()
			t.Cleanup(func() {
				_ = child.Kill() // it has ended most of the time
				<-gone
			})
			if i%2 == 1 {
				until(t, "at work", func() bool {
					comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", child.Pid))
					return strings.TrimSpace(string(comm)) == name
				})
			}
			return child.Signal(syscall.SIGTERM)
		})
		if took := time.Since(begun); took > helloTime/2 {
			t.Errorf("told after %s", took)
		}
		if err != nil {
			continue
		}
		command := Command{Path: "/bin/sh", Argv: []string{"sh", "-c", "exit 3"}, Dir: "/", Linger: waiting}
		if err := s.Run(command); err != nil {
			t.Error(err)
			continue
		}
		go s.Listen(newListener().handler())
		get(t, "exit", s.Exited())
		if exit, known := s.Exit(); !known || exit.Code != 3 {
			t.Error(fmt.Sprint(exit, known))
		}
	}
}
