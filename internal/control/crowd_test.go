package control

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestClientsLeaveDescriptorsForTheAgent(t *testing.T) {
	for _, c := range []struct {
		descriptors uint64
		limit       int
	}{
		{0, 4}, {16, 4}, {64, 5}, {1024, 85}, {1 << 20, 256}, {1<<64 - 1, 256},
	} {
		if got := newCrowd(c.descriptors).limit; got != c.limit {
			t.Errorf("of %d descriptors: limit %d, want %d", c.descriptors, got, c.limit)
		}
	}
}

// Clients that say nothing lose their connections, the oldest first; one that
// asks is answered.
func TestSilentClientsGoOldestFirst(t *testing.T) {
	const limit = 4
	c, path := serveFew(t, &fake{}, &crowd{limit: limit, quiet: map[net.Conn]uint64{}})
	var silent []net.Conn
	for range 3 * limit {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	for i, conn := range silent[:2*limit] {
		if n, err := conn.Read(make([]byte, 1)); err == nil {
			t.Errorf("silent client %d of %d read %d byte, want its connection to end", i, len(silent), n)
		}
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("beside %d silent clients: %v", limit, err)
	}
}

// Who follows takes the place of another who does, and of nobody else.
func TestTooManyRequestsAreToldWhyNot(t *testing.T) {
	clients := &crowd{limit: 1, quiet: map[net.Conn]uint64{}}
	c, _ := serveFew(t, &fake{events: []Event{{Seq: 1}}}, clients)
	following, leave := context.WithCancel(t.Context())
	defer leave()
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- c.Events(following, 0, true, func(Event) error { close(begun); return nil })
	}()
	<-begun
	err := c.Events(t.Context(), 0, true, func(Event) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "answers 1 requests that wait or follow already") {
		t.Errorf("beside a client that follows events, another one: %v, want to be told why not", err)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("beside a client that follows events: %v", err)
	}
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who follows: %v", err)
	}
}

// A request that is never sent to its end does not keep others out for good.
func TestARequestHasToCome(t *testing.T) {
	t.Parallel()
	c, path := serveFew(t, &fake{asked: make(chan Request, 1)}, &crowd{limit: 1, quiet: map[net.Conn]uint64{}})
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/do HTTP/1.1\r\nHost: agent\r\nBounce-Protocol: %d\r\nContent-Length: 10\r\n\r\n{", protocol)
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(body), "cannot read the request") {
		t.Errorf("answered %s %s, want 400 and why", answer.Status, body)
	}
	if _, err := c.Status(t.Context()); err != nil {
		t.Errorf("after it: %v", err)
	}
}
