package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Backend is the agent as the server sees it. Every method may be called from
// several goroutines. An error of type *[Refusal] is the caller's mistake.
type Backend interface {
	Status() Status
	// Do carries out a verb and waits for its outcome, unless told not to.
	Do(ctx context.Context, req Request) (Outcome, error)
	// Sync returns when every plan that a write before the call caused has
	// been applied, or at once with the holds it would have to wait out.
	Sync(ctx context.Context) (Outcome, error)
	// Why explains how path is reached, by the shortest chain to each service
	// alone, or if limit is above 0 by every chain, at most so many.
	Why(path string, services []string, limit int) (Why, error)
	Affected(paths []string) (Affected, error)
	// Facts says what is known beside the status. It may take seconds.
	Facts(ctx context.Context) (Facts, error)
	// Events calls yield with every event after seq, then with new ones as
	// they come, until ctx ends, yield returns an error, or, unless follow is
	// set, there are no more.
	Events(ctx context.Context, seq uint64, follow bool, yield func(Event) error) error
	// Logs does the same for lines of output.
	Logs(ctx context.Context, q LogQuery, yield func(Line) error) error
	// Attach takes the terminal of a service until it is left.
	Attach(service string) (Terminal, error)
}

// Refusal is a request that the agent refused because of what was asked.
type Refusal struct{ Text string }

func (r *Refusal) Error() string { return r.Text }

// protocol is the version of the wire types. A client of another version is
// told so in words instead of failing on a field.
const protocol = 1

// Limits that keep one client from holding up the agent.
const (
	maxBody       = 64 << 10
	headerTimeout = 5 * time.Second
	bodyTimeout   = 5 * time.Second
	idleTimeout   = 2 * time.Minute
)

// route is a verb of the protocol: what it is called and what answers it.
type route struct {
	pattern string
	pace    pace
	answer  func(Backend, http.ResponseWriter, *http.Request) error
}

var routes = []route{
	{"GET /v1/status", brief, getStatus},
	{"POST /v1/do", brief, postDo},
	{"POST /v1/sync", waits, postSync},
	{"GET /v1/why", brief, getWhy},
	{"GET /v1/affected", brief, getAffected},
	{"GET /v1/facts", brief, getFacts},
	{"GET /v1/events", waits, getEvents},
	{"GET /v1/logs", waits, getLogs},
	{"GET /v1/attach", waits, getAttach},
}

// Serve answers requests on ln until ctx ends, then closes ln and returns when
// every request has been answered or cut off.
func Serve(ctx context.Context, ln net.Listener, b Backend) error {
	return serveCrowd(ctx, ln, b, newCrowd(descriptors()))
}

func serveCrowd(ctx context.Context, ln net.Listener, b Backend, clients *crowd) error {
	mux := http.NewServeMux()
	var answering sync.WaitGroup // the server does not wait for who takes over a connection
	for _, r := range routes {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) {
			answering.Add(1)
			defer answering.Done()
			if err := clients.enter(r.pace); err != nil {
				writeError(w, http.StatusServiceUnavailable, err.Error())
				return
			}
			defer clients.leave(r.pace)
			if v := req.Header.Get("Bounce-Protocol"); v != strconv.Itoa(protocol) {
				writeError(w, http.StatusBadRequest, fmt.Sprintf("this agent speaks protocol %d and the client %q: use the same version of bounce for both", protocol, v))
				return
			}
			if err := receive(w, req); err != nil {
				writeError(w, http.StatusBadRequest, err.Error())
				return
			}
			if err := r.answer(b, w, req); err != nil {
				status := http.StatusInternalServerError
				var refusal *Refusal
				switch {
				case errors.As(err, &refusal):
					status = http.StatusUnprocessableEntity
				case errors.Is(err, context.DeadlineExceeded):
					status = http.StatusGatewayTimeout
				}
				writeError(w, status, err.Error())
			}
		})
	}
	srv := &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		ConnState:         clients.turn,
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(ln) }()
	select {
	case err := <-done:
		return fmt.Errorf("cannot serve the control socket: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if srv.Shutdown(grace) != nil {
		srv.Close()
	}
	<-done
	answering.Wait()
	return nil
}

// receive reads the body of a request, which has to come within bodyTimeout.
func receive(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength == 0 {
		return nil
	}
	conn := http.NewResponseController(w)
	if err := conn.SetReadDeadline(time.Now().Add(bodyTimeout)); err != nil {
		return fmt.Errorf("cannot read the request: %w", err)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return fmt.Errorf("cannot read the request: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	// The connection is read on while the request is answered, to see its client
	// leave; that may take as long as it wants.
	return conn.SetReadDeadline(time.Time{})
}

func getStatus(b Backend, w http.ResponseWriter, r *http.Request) error {
	return writeJSON(w, b.Status())
}

func postDo(b Backend, w http.ResponseWriter, r *http.Request) error {
	var req Request
	dec := json.NewDecoder(r.Body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&req); err != nil {
		return &Refusal{Text: fmt.Sprintf("cannot read the request: %v", err)}
	}
	out, err := b.Do(r.Context(), req)
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}

func postSync(b Backend, w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	if text := r.URL.Query().Get("timeout"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return &Refusal{Text: fmt.Sprintf("bad timeout %q: write it like 30s", text)}
		}
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d)
		defer cancel()
	}
	out, err := b.Sync(ctx)
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}

func getWhy(b Backend, w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	limit := 0
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MaxChains {
			return &Refusal{Text: fmt.Sprintf("bad limit %q: it is a number from 1 to %d", text, MaxChains)}
		}
		limit = n
	}
	out, err := b.Why(q.Get("path"), q["service"], limit)
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}

func getAffected(b Backend, w http.ResponseWriter, r *http.Request) error {
	out, err := b.Affected(r.URL.Query()["path"])
	if err != nil {
		return err
	}
	return writeJSON(w, out)
}

func getEvents(b Backend, w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	var since uint64
	if text := q.Get("since"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return &Refusal{Text: fmt.Sprintf("bad sequence number %q", text)}
		}
		since = n
	}
	s := newStream(w)
	return s.end(b.Events(r.Context(), since, q.Get("follow") != "", func(e Event) error { return s.send(e) }))
}

func getLogs(b Backend, w http.ResponseWriter, r *http.Request) error {
	q, err := parseLogQuery(r.URL.Query())
	if err != nil {
		return err
	}
	s := newStream(w)
	return s.end(b.Logs(r.Context(), q, func(l Line) error { return s.send(l) }))
}

// stream writes one JSON object a line and flushes each, so that a reader sees
// it when it happens.
type stream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	enc *json.Encoder
}

func newStream(w http.ResponseWriter) *stream {
	w.Header().Set("Content-Type", "application/x-ndjson")
	s := &stream{w: w, rc: http.NewResponseController(w), enc: json.NewEncoder(w)}
	s.enc.SetEscapeHTML(false)
	// The reader of a quiet stream learns at once that it is connected.
	_ = s.rc.Flush()
	return s
}

func (s *stream) send(v any) error {
	if err := s.enc.Encode(v); err != nil {
		return err
	}
	return s.rc.Flush()
}

// end sends the error that ended a stream as its last object: the status has
// been sent before anything could go wrong.
func (s *stream) end(err error) error {
	if err == nil {
		return nil
	}
	var refusal *Refusal
	// A reader that has gone away gets no word, and needs none.
	_ = s.send(problem{Error: err.Error(), Refused: errors.As(err, &refusal)})
	return nil
}

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// problem is the body of an answer that is not 200, and the last object of a
// stream that failed.
type problem struct {
	Error string `json:"error"`
	// Refused tells a stream's refusal from a failure; elsewhere the status
	// does.
	Refused bool `json:"refused,omitempty"`
}

func writeError(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(problem{Error: text})
}
