package watcher

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// mirror mounts a file system that shows a directory under another name, as a
// host's directory is shown in a virtual machine: what is changed in the
// directory is seen below the mount, and gives no event there. It speaks as
// much of fuse(4) as reading takes, and returns when the mount has ended.
func mirror(source, target string, mounted func()) error {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot open /dev/fuse: %w", err)
	}
	options := fmt.Sprintf("fd=%d,rootmode=40000,user_id=0,group_id=0", fd)
	if err := unix.Mount("mirror", target, "fuse", unix.MS_RDONLY, options); err != nil {
		unix.Close(fd)
		return fmt.Errorf("cannot mount: %w", err)
	}
	m := &mirrored{fd: fd, names: map[uint64]string{1: source}, ids: map[string]uint64{source: 1}}
	defer unix.Close(fd)
	mounted()
	m.serve()
	return nil
}

// mirrorVariable has what TestMirror shows and where, on two lines.
const mirrorVariable = "BOUNCE_TEST_MIRROR"

// TestMirror is the process that serves a mount, for the script command
// mirror. It is one of its own: a process that opens files of its own file
// system waits for itself.
func TestMirror(t *testing.T) {
	source, target, ok := strings.Cut(os.Getenv(mirrorVariable), "\n")
	if !ok {
		return
	}
	go func() { // ends with the test, however that ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	if err := mirror(source, target, func() { fmt.Println("mounted") }); err != nil {
		t.Fatal(err)
	}
}

func startMirror(ts *testscript.TestScript, neg bool, args []string) {
	cmd := exec.Command(os.Args[0], "-test.run=^TestMirror$")
	cmd.Env = append(os.Environ(), atOnce, mirrorVariable+"="+ts.MkAbs(args[0])+"\n"+ts.MkAbs(args[1]))
	in, err := cmd.StdinPipe()
	ts.Check(err)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Value(scriptKey{}).(*script).mirror = cmd.Process
	ts.Defer(func() {
		_ = cmd.Process.Signal(unix.SIGCONT)
		_ = unix.Unmount(ts.MkAbs(args[1]), unix.MNT_DETACH)
		_ = in.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "mounted\n" {
		ts.Fatalf("mirror: %q, %v", line, err)
	}
}

// signalMirror stops the process behind a mount, or has it go on.
func signalMirror(signal os.Signal) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		ts.Check(ts.Value(scriptKey{}).(*script).mirror.Signal(signal))
	}
}

// mirrored is a mount that is served by one goroutine.
type mirrored struct {
	fd    int
	names map[uint64]string
	ids   map[string]uint64
}

// The requests that are answered, by the numbers of linux/fuse.h.
const (
	fuseLookup   = 1
	fuseForget   = 2
	fuseGetattr  = 3
	fuseReadlink = 5
	fuseOpen     = 14
	fuseRead     = 15
	fuseStatfs   = 17
	fuseRelease  = 18
	fuseFlush    = 25
	fuseInit     = 26
	fuseOpendir  = 27
	fuseReaddir  = 28
	fuseReleased = 29
	fuseForgets  = 42
)

type fuseHeader struct {
	Len, Opcode   uint32
	Unique, Node  uint64
	UID, GID, PID uint32
	_             uint32
}

type fuseAttr struct {
	Ino, Size, Blocks, Atime, Mtime, Ctime                                     uint64
	AtimeNsec, MtimeNsec, CtimeNsec, Mode, Nlink, UID, GID, Rdev, Blksize, Pad uint32
}

func (m *mirrored) serve() {
	buf := make([]byte, 1<<17)
	for {
		n, err := unix.Read(m.fd, buf)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENOENT):
			continue
		case err != nil:
			return // unmounted
		}
		var h fuseHeader
		if _, err := binary.Decode(buf[:n], binary.NativeEndian, &h); err != nil {
			continue
		}
		if h.Opcode == fuseForget || h.Opcode == fuseForgets {
			continue // has no answer
		}
		out, err := m.answer(h, buf[binary.Size(h):n])
		var no syscall.Errno
		if err != nil && !errors.As(err, &no) {
			no = unix.EIO
		}
		var reply bytes.Buffer
		put := func(v any) { _ = binary.Write(&reply, binary.NativeEndian, v) } // a Buffer takes it all
		put(uint32(16 + len(out)))
		put(-int32(no))
		put(h.Unique)
		reply.Write(out)
		_, _ = unix.Write(m.fd, reply.Bytes()) // the asker may be gone
	}
}

func (m *mirrored) answer(h fuseHeader, in []byte) ([]byte, error) {
	name, known := m.names[h.Node]
	if !known && h.Opcode != fuseInit {
		return nil, unix.ESTALE
	}
	var out bytes.Buffer
	put := func(vs ...any) {
		for _, v := range vs {
			_ = binary.Write(&out, binary.NativeEndian, v)
		}
	}
	switch h.Opcode {
	case fuseInit:
		put(uint32(7), uint32(31), uint32(1<<16), uint32(0), uint16(12), uint16(9), uint32(1<<16), uint32(1), uint16(0), uint16(0), [8]uint32{})
	case fuseLookup:
		child := filepath.Join(name, string(bytes.TrimRight(in, "\x00")))
		attr, err := fuseStat(child)
		if err != nil {
			return nil, err
		}
		put(m.id(child), uint64(0), uint64(0), uint64(0), uint32(0), uint32(0), attr)
	case fuseGetattr:
		attr, err := fuseStat(name)
		if err != nil {
			return nil, err
		}
		put(uint64(0), uint32(0), uint32(0), attr)
	case fuseReadlink:
		target, err := os.Readlink(name)
		if err != nil {
			return nil, err
		}
		put([]byte(target))
	case fuseOpen, fuseOpendir:
		put(uint64(0), uint32(0), uint32(0))
	case fuseRead, fuseReaddir:
		offset := binary.NativeEndian.Uint64(in[8:])
		size := uint64(binary.NativeEndian.Uint32(in[16:]))
		read := os.ReadFile
		if h.Opcode == fuseReaddir {
			read = fuseEntries
		}
		all, err := read(name)
		if err != nil {
			return nil, err
		}
		offset = min(offset, uint64(len(all)))
		part := all[offset:min(offset+size, uint64(len(all)))]
		if h.Opcode == fuseReaddir {
			part = wholeEntries(part)
		}
		put(part)
	case fuseStatfs:
		put([80]byte{})
	case fuseRelease, fuseReleased, fuseFlush:
	default:
		return nil, unix.ENOSYS
	}
	return out.Bytes(), nil
}

func (m *mirrored) id(name string) uint64 {
	id, ok := m.ids[name]
	if !ok {
		id = uint64(len(m.ids)) + 1
		m.ids[name], m.names[id] = id, name
	}
	return id
}

func fuseStat(name string) (fuseAttr, error) {
	var st unix.Stat_t
	if err := unix.Lstat(name, &st); err != nil {
		return fuseAttr{}, err
	}
	return fuseAttr{
		Ino: st.Ino, Size: uint64(st.Size), Blocks: uint64(st.Blocks),
		Atime: uint64(st.Atim.Sec), Mtime: uint64(st.Mtim.Sec), Ctime: uint64(st.Ctim.Sec),
		AtimeNsec: uint32(st.Atim.Nsec), MtimeNsec: uint32(st.Mtim.Nsec), CtimeNsec: uint32(st.Ctim.Nsec),
		Mode: st.Mode, Nlink: uint32(st.Nlink), Blksize: 4096,
	}, nil
}

// fuseEntries lists a directory as the kernel reads it; an entry's offset is
// where the next one begins.
func fuseEntries(name string) ([]byte, error) {
	entries, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	var out []byte
	for _, e := range entries {
		kind := map[os.FileMode]uint32{os.ModeDir: unix.DT_DIR, os.ModeSymlink: unix.DT_LNK, 0: unix.DT_REG}[e.Type()]
		size := (24 + len(e.Name()) + 7) &^ 7
		entry := binary.NativeEndian.AppendUint64(nil, 1)
		entry = binary.NativeEndian.AppendUint64(entry, uint64(len(out)+size))
		entry = binary.NativeEndian.AppendUint32(entry, uint32(len(e.Name())))
		entry = binary.NativeEndian.AppendUint32(entry, kind)
		entry = append(entry, e.Name()...)
		out = append(out, append(entry, make([]byte, size-len(entry))...)...)
	}
	return out, nil
}

// wholeEntries cuts off an entry that did not fit.
func wholeEntries(b []byte) []byte {
	n := 0
	for n+24 <= len(b) {
		size := (24 + int(binary.NativeEndian.Uint32(b[n+16:])) + 7) &^ 7
		if n+size > len(b) {
			break
		}
		n += size
	}
	return b[:n]
}
