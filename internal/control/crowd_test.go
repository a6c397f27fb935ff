package control

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
)

func TestClientsLeaveDescriptorsForTheAgent(t *testing.T) {
	for _, c := range []struct {
		descriptors uint64
		limit       int
	}{
		{0, 4}, {16, 4}, {64, 8}, {1024, 128}, {1 << 20, 256}, {1<<64 - 1, 256},
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

func TestTooManyRequestsAreToldToComeBack(t *testing.T) {
	clients := &crowd{limit: 1, quiet: map[net.Conn]uint64{}}
	c, _ := serveFew(t, &fake{events: []Event{{Seq: 1}}}, clients)
	following, leave := context.WithCancel(t.Context())
	defer leave()
	begun, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- c.Events(following, 0, true, func(Event) error { close(begun); return nil })
	}()
	<-begun
	_, err := c.Status(t.Context())
	if err == nil || !strings.Contains(err.Error(), "answers 1 requests already") {
		t.Errorf("beside a client that follows events: %v, want to be told why not", err)
	}
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the one who follows: %v", err)
	}
}
