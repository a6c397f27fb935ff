package shim

import (
	"bytes"
	"encoding/binary"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"
)

// Agent and shim send each other frames: a kind, the length of what follows as
// 32 bits, and that. Descriptors come along with the first byte of a frame.
// Each side skips kinds that it does not know, so that an agent and the shim
// of an older one understand each other.

type kind byte

const (
	// Of the agent.
	kindStart  kind = 'S' // an order, see encode, with its descriptors
	kindRecord kind = 'R' // replaces the record
	kindMemo   kind = 'M' // replaces the memo
	kindAck    kind = 'A' // a number: all lines below it have been taken
	kindBye    kind = 'B' // the shim may end
	// Of the shim. Record and memo come right after the greeting.
	kindHello  kind = 'H' // a greeting as JSON, with the descriptors that the command was lent
	kindBegun  kind = 'P' // what came of an order, as JSON
	kindLine   kind = 'L' // number, time, stream, flags, text
	kindNotice kind = 'N' // pid, text
	kindExited kind = 'X' // an Exit as JSON
	kindEnded  kind = 'E' // the output has come to its end, and all of it was sent
)

// protocol is the version of the frames. It changes when an old shim and a new
// agent, or the other way round, would misunderstand each other; the service is
// then restarted once.
const protocol = 1

const (
	headSize = 5
	// lineHead is what is in front of the text of a line.
	lineHead = 8 + 8 + 1 + 1
	// maxFrame bounds what a broken peer may have us hold.
	maxFrame = 256 << 20
	// maxFiles is how many descriptors Linux passes at once.
	maxFiles = 253
)

// order is a command to start.
type order struct {
	Path string
	Argv []string
	Dir  string
	Env  []string
	// Files is how many descriptors it is lent, from 3 on, of which the shim
	// keeps the first Kept. They come with the order, and after them the cgroup
	// if Cgroup and the socket of notices if Notify.
	Files  int
	Kept   int
	Cgroup bool
	Notify bool
	Owner  *[2]int
	Linger time.Duration
}

// begun is what came of an order: a process, or why there is none.
type begun struct {
	PID     int
	Started time.Time
	Errno   int
	Problem string
}

// greeting is the first word of a shim.
type greeting struct {
	Protocol int
	// Shim is its pid. The kernel would say that of the agent that made the
	// socket listen.
	Shim    int
	PID     int // of the command, 0 before there is one
	Started time.Time
	Exit    *Exit
	Files   int
	// Acked is the number of the first line that no agent has taken.
	Acked uint64
}

// Exit says how a command ended: by itself, with Code, or by a signal, if
// Signal is not 0.
type Exit struct {
	Code   int
	Signal int
}

// appendFrame adds a frame to b.
func appendFrame(b []byte, k kind, payload ...[]byte) []byte {
	size := 0
	for _, p := range payload {
		size += len(p)
	}
	b = append(b, byte(k))
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	for _, p := range payload {
		b = append(b, p...)
	}
	return b
}

// jsonFrame is a frame of plain data.
func jsonFrame(k kind, v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("bug: a frame is plain data: " + err.Error())
	}
	return appendFrame(nil, k, data)
}

// encode is for what has bytes that need not be UTF-8, as words, variables and
// output have: JSON would replace them.
func encode(v any) []byte {
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		panic("bug: what is encoded is plain data: " + err.Error())
	}
	return b.Bytes()
}

// decode reads what encode has made.
func decode(data []byte, v any) error { return gob.NewDecoder(bytes.NewReader(data)).Decode(v) }

// frame is one that was read; payload is valid until the next one is.
type frame struct {
	kind    kind
	payload []byte
}

// wire reads frames. It is owned by one goroutine.
type wire struct {
	conn  *net.UnixConn
	buf   []byte
	start int // of what has not been handed out
	// files have come along and were not claimed.
	files []*os.File
	about []byte
}

func newWire(conn *net.UnixConn, size int) *wire {
	return &wire{conn: conn, buf: make([]byte, 0, size), about: make([]byte, syscall.CmsgSpace(4*maxFiles))}
}

// parseFrame splits the first frame off b; ok is false when it is not whole.
func parseFrame(b []byte) (f frame, rest []byte, ok bool, err error) {
	if len(b) < headSize {
		return frame{}, b, false, nil
	}
	size := binary.LittleEndian.Uint32(b[1:])
	if size > maxFrame {
		return frame{}, b, false, fmt.Errorf("a frame of %d bytes", size)
	}
	end := headSize + int(size)
	if len(b) < end {
		return frame{}, b, false, nil
	}
	return frame{kind(b[0]), b[headSize:end]}, b[end:], true, nil
}

// buffered returns the next frame if it has come already.
func (w *wire) buffered() (frame, bool, error) {
	f, rest, ok, err := parseFrame(w.buf[w.start:])
	if ok {
		w.start = len(w.buf) - len(rest)
	}
	return f, ok, err
}

// next waits for a frame.
func (w *wire) next() (frame, error) {
	for {
		f, ok, err := w.buffered()
		if ok || err != nil {
			return f, err
		}
		if w.start > 0 {
			w.buf = w.buf[:copy(w.buf, w.buf[w.start:])]
			w.start = 0
		}
		if len(w.buf) == cap(w.buf) {
			w.buf = append(w.buf, make([]byte, cap(w.buf))...)[:len(w.buf)]
		}
		n, oobn, _, _, err := w.conn.ReadMsgUnix(w.buf[len(w.buf):cap(w.buf)], w.about)
		if n == 0 && err == nil {
			err = net.ErrClosed
		}
		if err != nil {
			return frame{}, err
		}
		w.buf = w.buf[:len(w.buf)+n]
		w.files = append(w.files, parseFiles(w.about[:oobn])...)
	}
}

// claim takes n of the files that have come along.
func (w *wire) claim(n int) ([]*os.File, error) {
	if n < 0 || n > len(w.files) {
		return nil, fmt.Errorf("%d descriptors were sent, and %d came", n, len(w.files))
	}
	files := w.files[:n:n]
	w.files = w.files[n:]
	return files, nil
}

// drop closes what nobody has claimed.
func (w *wire) drop() {
	for _, f := range w.files {
		f.Close()
	}
	w.files = nil
}

// parseFiles takes the descriptors out of the control messages of a read.
func parseFiles(about []byte) []*os.File {
	messages, err := syscall.ParseSocketControlMessage(about)
	if err != nil {
		return nil
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := syscall.ParseUnixRights(&m)
		if err != nil {
			continue
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "lent"))
		}
	}
	return files
}

// send writes a frame, with descriptors.
func send(conn *net.UnixConn, data []byte, files []*os.File) error {
	if len(files) > maxFiles {
		return fmt.Errorf("cannot pass %d descriptors; %d at most", len(files), maxFiles)
	}
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		n, _, err := conn.WriteMsgUnix(data[:1], syscall.UnixRights(fds...), nil)
		if err != nil {
			return err
		}
		data = data[n:]
	}
	_, err := conn.Write(data)
	return err
}

// Line is one line of output.
type Line struct {
	// Number counts the lines of a shim, from 0.
	Number uint64
	// Stderr says that it was not written to stdout.
	Stderr bool
	// Split says that the line goes on in the next one.
	Split bool
	// Time is when its end came.
	Time time.Time
	// Text is the line without its end.
	Text string
	// Old says that an earlier agent has taken it.
	Old bool
}

const (
	flagStderr = 1 << iota
	flagSplit
)

// appendLine adds the frame of a line.
func appendLine(b []byte, number uint64, at time.Time, flags byte, text []byte) []byte {
	b = append(b, byte(kindLine))
	b = binary.LittleEndian.AppendUint32(b, uint32(lineHead+len(text)))
	b = binary.LittleEndian.AppendUint64(b, number)
	b = binary.LittleEndian.AppendUint64(b, uint64(at.UnixNano()))
	b = append(b, flags, 0)
	return append(b, text...)
}

func parseLine(p []byte) (Line, error) {
	if len(p) < lineHead {
		return Line{}, errors.New("a line without its head")
	}
	flags := p[16]
	return Line{
		Number: binary.LittleEndian.Uint64(p),
		Time:   time.Unix(0, int64(binary.LittleEndian.Uint64(p[8:]))),
		Stderr: flags&flagStderr != 0, Split: flags&flagSplit != 0,
		Text: string(p[lineHead:]),
	}, nil
}
