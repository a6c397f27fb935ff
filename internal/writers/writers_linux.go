package writers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Watch knows the last writers of files in the directories it was given. Its
// methods may be called from any goroutine.
type Watch struct {
	file *os.File // the fanotify group
	whom func(pid int) string
	done chan struct{} // closed when the reader has ended

	mu sync.Mutex // guards what follows
	// last has the newest writers, older those before them: a program that
	// replaces files has a new inode each time.
	last, older map[file]string
}

// kept is how many files last has at the most.
const kept = 4096

// file is one by what it is: its name may be given to it after it was written.
type file struct{ dev, inode uint64 }

// Open returns a Watch without directories. whom is called with each writer, on
// a goroutine of the Watch, while it is most likely still there; what it
// returns is what Last gives.
func Open(whom func(pid int) string) (*Watch, error) {
	fd, err := unix.FanotifyInit(unix.FAN_CLASS_NOTIF|unix.FAN_CLOEXEC|unix.FAN_NONBLOCK, unix.O_RDONLY|unix.O_LARGEFILE|unix.O_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot watch writers: %w: %w", ErrUnknown, err)
	}
	w := &Watch{
		file: os.NewFile(uintptr(fd), "fanotify"),
		whom: whom,
		done: make(chan struct{}),
		last: make(map[file]string),
	}
	go w.read()
	return w, nil
}

// Add begins to watch the files of a directory. Adding one again does nothing.
func (w *Watch) Add(dir string) error {
	raw, err := w.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("cannot watch the writers in %q: %w", dir, err)
	}
	var marked error
	err = raw.Control(func(fd uintptr) {
		marked = unix.FanotifyMark(int(fd), unix.FAN_MARK_ADD|unix.FAN_MARK_ONLYDIR,
			unix.FAN_MODIFY|unix.FAN_CLOSE_WRITE|unix.FAN_EVENT_ON_CHILD, unix.AT_FDCWD, dir)
	})
	if err = errors.Join(err, marked); err != nil {
		return fmt.Errorf("cannot watch the writers in %q: %w", dir, err)
	}
	return nil
}

// Last returns who wrote the file last; ok is false when nobody has since its
// directory was added, or thousands of other files were written after.
func (w *Watch) Last(name string) (who string, ok bool) {
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		return "", false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f := file{st.Dev, st.Ino}
	if who, ok = w.last[f]; !ok {
		who, ok = w.older[f]
	}
	return who, ok
}

// Close ends the Watch and its goroutine.
func (w *Watch) Close() error {
	err := w.file.Close()
	<-w.done
	return err
}

// read takes events until the group is closed.
func (w *Watch) read() {
	defer close(w.done)
	buf := make([]byte, 1<<16)
	for {
		n, err := w.file.Read(buf)
		if err != nil {
			return
		}
		for rest := buf[:n]; len(rest) >= unix.FAN_EVENT_METADATA_LEN; {
			size := binary.NativeEndian.Uint32(rest)
			w.take(rest[:size])
			rest = rest[size:]
		}
	}
}

// take notes one event. struct fanotify_event_metadata: length, 4 bytes,
// version and such, 4, mask, 8, an open descriptor of the file, 4, process, 4.
func (w *Watch) take(event []byte) {
	fd := int(int32(binary.NativeEndian.Uint32(event[16:])))
	pid := int(int32(binary.NativeEndian.Uint32(event[20:])))
	if fd < 0 {
		return // events were lost: whoever asks learns nothing new
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if unix.Fstat(fd, &st) != nil {
		return
	}
	who := w.whom(pid)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.note(file{st.Dev, st.Ino}, who)
}

func (w *Watch) note(f file, who string) {
	if len(w.last) >= kept {
		w.last, w.older = make(map[file]string), w.last
	}
	w.last[f] = who
}
