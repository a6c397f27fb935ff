package waitid

import (
	"fmt"
	"os/exec"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLook(t *testing.T) {
	for script, want := range map[string]string{
		"exit 0":      "0 0",
		"exit 7":      "7 0",
		"kill -9 $$":  fmt.Sprint(0, " ", int(syscall.SIGKILL)),
		"kill -15 $$": fmt.Sprint(0, " ", int(syscall.SIGTERM)),
	} {
		cmd := exec.Command("/bin/sh", "-c", "read x; "+script)
		gate, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, _, ended, err := Look(cmd.Process.Pid, unix.WNOHANG); ended || err != nil {
			t.Errorf("%s: ended is %t before it has (%v)", script, ended, err)
		}
		if _, err := gate.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
		for range 2 { // it stays on the list
			code, signal, ended, err := Look(cmd.Process.Pid, 0)
			if got := fmt.Sprint(code, " ", int(signal)); got != want || !ended || err != nil {
				t.Errorf("%s: %s, ended %t (%v), want %s", script, got, ended, err, want)
			}
		}
		_ = cmd.Wait() // how it ended was looked at
		if _, _, _, err := Look(cmd.Process.Pid, 0); err != unix.ECHILD {
			t.Errorf("%s: %v of what is no child", script, err)
		}
	}
}
