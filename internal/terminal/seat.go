// Package terminal gives services pseudo-terminals, and lets a person sit at
// one.
//
// What is promised: a service never waits for who looks at its terminal, and it
// need not know whether somebody does. Who sits there stays from one generation
// of the service to the next, and is told. What is not: a person who reads more
// slowly than the service writes misses some, and is told how much.
package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Seat is the place at the terminal of a service, over all of its generations.
// Its methods may be called by several goroutines.
type Seat struct {
	service string
	waits   func(prompt string)

	mu     sync.Mutex
	screen *Screen // of the generation that runs; nil when none does
	size   size
	guest  *Guest // who sits here; nil for nobody
	recent []byte // the newest of what was shown
	line   int    // bytes at the end of recent without a line end
	asking *time.Timer
}

// size is that of a terminal.
type size struct{ rows, columns uint16 }

const (
	// shown is how many bytes a person gets to see of what was before they sat
	// down: a few lines, and the prompt that they have come for.
	shown = 4 << 10
	// behind is how many bytes a person may be behind.
	behind = 1 << 20
	// asksAfter is how long a line without an end stands before it is taken for
	// a prompt: a program that goes on writing is done with it sooner.
	asksAfter = time.Second
	// typing is how long a service may take to take what was typed, once the
	// buffers of the terminal are full.
	typing = time.Second
)

// NewSeat returns the place at the terminal of a service. waits, which may be
// nil, is told of a line without an end that stands while nobody sits there: the
// service may have asked something.
func NewSeat(service string, waits func(prompt string)) *Seat {
	if waits == nil {
		waits = func(string) {}
	}
	return &Seat{service: service, waits: waits, size: size{24, 80}}
}

// Open makes the terminal of a new generation: tty is for the process, as its
// input, output and controlling terminal, and is closed by the caller once the
// process has it.
func (s *Seat) Open(generation int) (screen *Screen, tty *os.File, err error) {
	master, tty, err := openPty()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a terminal: %w", err)
	}
	screen = &Screen{seat: s, file: master}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := resize(master, s.size); err != nil {
		master.Close()
		tty.Close()
		return nil, nil, fmt.Errorf("cannot make a terminal: %w", err)
	}
	s.screen, s.recent = screen, nil
	s.lineEnds()
	if s.guest != nil {
		s.guest.tell(fmt.Sprintf("%s starts, generation %d", s.service, generation))
	}
	return screen, tty, nil
}

// Screen is what a service shows on its terminal: the end of the agent. It is
// read to its end by one goroutine, which shows it to who sits there.
type Screen struct {
	seat *Seat
	file *os.File
}

// Read returns what the service has written. The error is io.EOF when no
// process has the terminal any more.
func (c *Screen) Read(p []byte) (int, error) {
	n, err := c.file.Read(p)
	c.seat.show(c, p[:n])
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !errors.Is(err, os.ErrClosed) {
		err = io.EOF // Linux says EIO
	}
	return n, err
}

// SetReadDeadline is that of files.
func (c *Screen) SetReadDeadline(t time.Time) error { return c.file.SetReadDeadline(t) }

// Close closes the terminal: who still has it gets a hang-up.
func (c *Screen) Close() error {
	s := c.seat
	s.mu.Lock()
	if s.screen == c {
		s.screen = nil
		s.lineEnds()
		if s.guest != nil {
			s.guest.tell(s.service + " has ended; what follows is its next generation")
		}
	}
	s.mu.Unlock()
	return c.file.Close()
}

// show passes on what was written to the terminal of c.
func (s *Seat) show(c *Screen, p []byte) {
	if len(p) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.screen != c {
		return
	}
	if s.recent = append(s.recent, p...); len(s.recent) > 2*shown {
		s.recent = append([]byte(nil), s.recent[len(s.recent)-shown:]...)
	}
	s.lineEnds()
	s.line = unfinished(s.recent)
	if s.guest != nil {
		s.guest.show(p)
	} else if s.line > 0 {
		s.asking = time.AfterFunc(asksAfter, func() { s.ask(c) })
	}
}

// unfinished returns how many bytes stand after the last line end.
func unfinished(p []byte) int {
	n := 0
	for n < len(p) && p[len(p)-1-n] != '\n' {
		n++
	}
	return n
}

// lineEnds forgets the line that may be a prompt. Called with mu held.
func (s *Seat) lineEnds() {
	if s.asking != nil {
		s.asking.Stop()
	}
	s.asking, s.line = nil, 0
}

// ask tells that a line stands without an end.
func (s *Seat) ask(c *Screen) {
	s.mu.Lock()
	prompt := ""
	if s.screen == c && s.guest == nil && s.line > 0 {
		prompt = Shown(string(s.recent[max(0, len(s.recent)-s.line):]))
	}
	s.mu.Unlock()
	if prompt != "" {
		s.waits(prompt)
	}
}

// ErrTaken says that somebody else sits at a terminal.
var ErrTaken = errors.New("somebody else is attached to it")

// Sit takes the place at the terminal, which shows what was there a moment ago.
func (s *Seat) Sit() (*Guest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guest != nil {
		return nil, ErrTaken
	}
	g := &Guest{seat: s, bell: make(chan struct{}, 1)}
	s.guest = g
	if s.screen == nil {
		g.tell(s.service + " does not run; what follows is its next generation")
		return g, nil
	}
	recent := s.recent[max(0, len(s.recent)-shown):]
	for i := range recent { // from the beginning of a line on
		if len(recent) < len(s.recent) && recent[i] == '\n' {
			recent = recent[i+1:]
			break
		}
	}
	g.show(recent)
	return g, nil
}

// Guest is who sits at a terminal.
type Guest struct {
	seat *Seat
	bell chan struct{}

	mu     sync.Mutex
	pieces []piece
	size   int // bytes in pieces
	missed int // bytes that were left out since
}

// piece is text that the service wrote, or a notice.
type piece struct {
	text   []byte
	notice string
}

// show queues what the service wrote; what does not fit is left out.
func (g *Guest) show(p []byte) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch n := len(g.pieces); {
	case g.size+len(p) > behind:
		g.missed += len(p)
	case n > 0 && g.pieces[n-1].notice == "" && g.missed == 0:
		g.pieces[n-1].text = append(g.pieces[n-1].text, p...)
		g.size += len(p)
	default:
		g.account()
		g.pieces = append(g.pieces, piece{text: append([]byte(nil), p...)})
		g.size += len(p)
	}
	g.ring()
}

// tell queues a notice.
func (g *Guest) tell(notice string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.account()
	g.pieces = append(g.pieces, piece{notice: notice})
	g.ring()
}

// account puts a notice where text was left out. Called with mu held.
func (g *Guest) account() {
	if g.missed > 0 {
		g.pieces = append(g.pieces, piece{notice: fmt.Sprintf("%d bytes left out: they come faster than they are read", g.missed)})
		g.missed = 0
	}
}

func (g *Guest) ring() {
	select {
	case g.bell <- struct{}{}:
	default:
	}
}

// Next waits for what is to be shown next: text that the service wrote, or a
// notice for the person. The error is that of ctx.
func (g *Guest) Next(ctx context.Context) (text []byte, notice string, err error) {
	for {
		g.mu.Lock()
		if len(g.pieces) == 0 {
			g.account()
		}
		if len(g.pieces) > 0 {
			p := g.pieces[0]
			g.pieces = g.pieces[1:]
			g.size -= len(p.text)
			g.mu.Unlock()
			return p.text, p.notice, nil
		}
		g.mu.Unlock()
		select {
		case <-g.bell:
		case <-ctx.Done():
			return nil, "", ctx.Err()
		}
	}
}

// Type hands what was typed to the service. What it does not take is dropped,
// and told.
func (g *Guest) Type(p []byte) {
	g.seat.mu.Lock()
	screen := g.seat.screen
	g.seat.mu.Unlock()
	if screen == nil {
		return // nobody is there to read it
	}
	_ = screen.file.SetWriteDeadline(time.Now().Add(typing))
	if _, err := screen.file.Write(p); errors.Is(err, os.ErrDeadlineExceeded) {
		g.tell(g.seat.service + " does not read what is typed")
	}
}

// Resize says how large the terminal is: the service is signalled, and the
// next generation has it from the beginning.
func (g *Guest) Resize(rows, columns int) {
	if rows <= 0 || rows > 1<<15 || columns <= 0 || columns > 1<<15 {
		return // what no terminal is
	}
	s := g.seat
	s.mu.Lock()
	defer s.mu.Unlock()
	s.size = size{uint16(rows), uint16(columns)}
	if s.screen != nil {
		_ = resize(s.screen.file, s.size) // it ends: the next one has it
	}
}

// Leave gives up the place.
func (g *Guest) Leave() {
	s := g.seat
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.guest == g {
		s.guest = nil
	}
}
