package waitid

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// siginfo is the part of siginfo_t that waitid fills in.
type siginfo struct {
	signo, errno, code int32
	_                  [(unsafe.Sizeof(uintptr(0)) - 4) / 4]int32 // the union is aligned as a pointer is
	pid                int32
	uid                uint32
	status             int32
	_                  [128]byte
}

const cldExited = 1 // CLD_EXITED: status is the exit code, else the signal

// Look says how a child has ended, by code or by signal, and leaves it on the
// list. It waits for the end unless options has WNOHANG: then ended may be false.
func Look(pid, options int) (code int, signal syscall.Signal, ended bool, err error) {
	var info siginfo
	for {
		err = unix.Waitid(unix.P_PID, pid, (*unix.Siginfo)(unsafe.Pointer(&info)), unix.WEXITED|unix.WNOWAIT|options, nil)
		switch {
		case err == unix.EINTR:
		case err != nil || info.pid == 0:
			return 0, 0, false, err
		case info.code == cldExited:
			return int(info.status), 0, true, nil
		default:
			return 0, syscall.Signal(info.status), true, nil
		}
	}
}
