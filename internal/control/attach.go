package control

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// To be attached to a terminal is a conversation: the connection of the request
// is taken over by both sides, which send frames. A frame is its kind, the length
// of its content in two bytes, the greater first, and the content.

// frame is the kind of a frame.
type frame byte

const (
	frameText   frame = 't' // what was typed, or what the service wrote
	frameNotice frame = 'n' // words of the agent for the person
	frameSize   frame = 's' // rows and columns, two bytes each
	frameEnd    frame = 'e' // the last one: why the agent ends the conversation
)

const maxFrame = 1<<16 - 1

// upgrade names the conversation in the headers of the request.
const upgrade = "bounce-terminal"

// Terminal is the terminal of a service, for the one who is attached to it.
type Terminal interface {
	// Next waits for what is to be shown next: text that the service wrote, or
	// a notice for the person. The error is that of ctx.
	Next(ctx context.Context) (text []byte, notice string, err error)
	// Type hands what was typed to the service.
	Type(p []byte)
	Resize(rows, columns int)
	// Leave gives it up.
	Leave()
}

// writeFrame writes content as one frame, or as several of them.
func writeFrame(w io.Writer, kind frame, content []byte) error {
	for {
		n := min(len(content), maxFrame)
		head := []byte{byte(kind), 0, 0}
		binary.BigEndian.PutUint16(head[1:], uint16(n))
		if _, err := w.Write(append(head, content[:n]...)); err != nil {
			return err
		}
		if content = content[n:]; len(content) == 0 {
			return nil
		}
	}
}

func readFrame(r io.Reader) (kind frame, content []byte, err error) {
	var head [3]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return 0, nil, err
	}
	content = make([]byte, binary.BigEndian.Uint16(head[1:]))
	_, err = io.ReadFull(r, content)
	return frame(head[0]), content, err
}

// getAttach holds a conversation until either side ends it.
func getAttach(b Backend, w http.ResponseWriter, r *http.Request) error {
	if r.Header.Get("Upgrade") != upgrade {
		return &Refusal{Text: "cannot attach: the request does not ask for " + upgrade}
	}
	terminal, err := b.Attach(r.URL.Query().Get("service"))
	if err != nil {
		return err
	}
	defer terminal.Leave()
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return fmt.Errorf("cannot attach: %w", err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Time{}) // the server may have set one
	if _, err := io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+upgrade+"\r\n\r\n"); err != nil {
		return nil // it has gone away, and gets no word
	}

	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	// A person who has stopped their end must not keep the agent from ending.
	defer context.AfterFunc(ctx, func() { _ = conn.SetWriteDeadline(time.Now().Add(time.Second)) })()
	var typed sync.WaitGroup
	typed.Go(func() {
		defer cancel()
		for {
			kind, content, err := readFrame(buffered)
			switch {
			case err != nil:
				return
			case kind == frameText:
				terminal.Type(content)
			case kind == frameSize && len(content) == 4:
				terminal.Resize(int(binary.BigEndian.Uint16(content)), int(binary.BigEndian.Uint16(content[2:])))
			}
		}
	})
	for {
		text, notice, err := terminal.Next(ctx)
		if err == nil && notice != "" {
			err = writeFrame(conn, frameNotice, []byte(notice))
		} else if err == nil {
			err = writeFrame(conn, frameText, text)
		}
		if err != nil {
			break
		}
	}
	_ = writeFrame(conn, frameEnd, []byte("the agent has ended"))
	conn.Close()
	typed.Wait()
	return nil
}

// Attached is a conversation with the terminal of a service. Next may be called
// by one goroutine while another one calls the other methods.
type Attached struct {
	conn io.ReadWriteCloser
	r    *bufio.Reader
}

// ErrDetached is returned when the agent has ended a conversation.
var ErrDetached = errors.New("detached")

// Attach begins a conversation with the terminal of a service.
func (c *Client) Attach(ctx context.Context, service string) (*Attached, error) {
	resp, err := c.request(ctx, http.MethodGet, "attach", url.Values{"service": {service}}, nil)
	if err != nil {
		return nil, err
	}
	conn, ok := resp.Body.(io.ReadWriteCloser)
	if !ok {
		resp.Body.Close()
		return nil, fmt.Errorf("cannot attach: the agent answered %s", resp.Status)
	}
	return &Attached{conn: conn, r: bufio.NewReader(conn)}, nil
}

// Next waits for text that the service wrote, or a notice. The error wraps
// [ErrDetached] when the agent has ended the conversation, or has ended.
func (a *Attached) Next() (text []byte, notice string, err error) {
	for {
		kind, content, err := readFrame(a.r)
		switch {
		case err != nil:
			return nil, "", fmt.Errorf("%w: the agent has gone", ErrDetached)
		case kind == frameText:
			return content, "", nil
		case kind == frameNotice:
			return nil, string(content), nil
		case kind == frameEnd:
			return nil, "", fmt.Errorf("%w: %s", ErrDetached, content)
		}
	}
}

// Type sends what was typed.
func (a *Attached) Type(p []byte) error { return writeFrame(a.conn, frameText, p) }

// Resize sends the size of the person's terminal.
func (a *Attached) Resize(rows, columns int) error {
	var content [4]byte
	binary.BigEndian.PutUint16(content[:], uint16(rows))
	binary.BigEndian.PutUint16(content[2:], uint16(columns))
	return writeFrame(a.conn, frameSize, content[:])
}

// Close ends the conversation.
func (a *Attached) Close() error { return a.conn.Close() }
