package watcher

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// TestNamespaces runs the scripts that need a machine of their own, in
// namespaces that go with the process:
//
//	limits/  in a user namespace, whose limits of inotify are its own
//	mounts/  with mounts of its own; as root where that is possible, so that
//	         there are loop devices too
//	user/    as a user without rights, who owns the files
func TestNamespaces(t *testing.T) {
	if os.Getenv(scriptsVariable) != "" {
		t.Skip("this is the process in the namespace")
	}
	mapped := func(uid int) *syscall.SysProcAttr {
		return &syscall.SysProcAttr{
			Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getuid(), Size: 1}},
			GidMappings: []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Getgid(), Size: 1}},
		}
	}
	for dir, ways := range map[string][]*syscall.SysProcAttr{
		"limits": {mapped(0)},
		"mounts": {{Unshareflags: syscall.CLONE_NEWNS}, mapped(0)},
		"user":   {mapped(1000)},
	} {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			var err error
			for _, attr := range ways {
				var out []byte
				parallel := "4"
				if dir == "limits" {
					parallel = "1" // they set what holds for all
				}
				cmd := exec.Command(os.Args[0], "-test.run=^TestScripts$", "-test.v", "-test.parallel="+parallel)
				cmd.Env = append(os.Environ(), scriptsVariable+"="+dir, "TMPDIR="+t.TempDir(), atOnce)
				cmd.SysProcAttr = attr
				if out, err = cmd.CombinedOutput(); errors.Is(err, unix.EPERM) || errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EINVAL) {
					continue
				}
				if err != nil || !strings.Contains(string(out), "--- PASS: TestScripts/") {
					t.Errorf("%v\n%s", err, out)
				}
				return
			}
			t.Skipf("cannot run here: no namespaces for this user: %v", err)
		})
	}
}

// atOnce has a program that is built with -race end when it is done: by default
// it waits for a second, in case another thread is about to report a race.
const atOnce = "GORACE=atexit_sleep_ms=0"

func init() {
	scriptCommands["mirror"] = startMirror
	scriptCommands["hang"] = signalMirror(unix.SIGSTOP)
	scriptCommands["unhang"] = signalMirror(unix.SIGCONT)
	scriptCommands["limit"] = func(ts *testscript.TestScript, neg bool, args []string) {
		// Only in a namespace is this limit nobody else's.
		if ts.Getenv("NAMESPACE") != "limits" {
			ts.Fatalf("limit: not in a namespace")
		}
		ts.Check(os.WriteFile("/proc/sys/user/max_inotify_"+args[0], []byte(args[1]), 0))
	}
}
