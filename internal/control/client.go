package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"syscall"
	"time"
)

// Client talks to the agent behind one socket. Its methods return [ErrNoAgent]
// when nobody answers there, a *[StoppedError] when nobody would, a *[Refusal]
// when the agent says no, and [ErrTimeout] when the agent gave up waiting.
type Client struct {
	http *http.Client
}

// ErrTimeout is returned when the agent did not get done in the time given.
var ErrTimeout = errors.New("timed out")

// ErrUnknown is returned when the agent is of a version of bounce that does not
// know the question.
var ErrUnknown = errors.New("the agent is of an older version of bounce, which cannot tell; start it anew with this one")

// StoppedError is returned when the agent's process is stopped, by Ctrl-Z or a
// signal.
type StoppedError struct{ PID int }

func (e *StoppedError) Error() string {
	return fmt.Sprintf("cannot ask the agent: its process %d is stopped; 'fg' in its terminal or 'kill -CONT %d' lets it go on", e.PID, e.PID)
}

// NewClient returns a client of the agent that listens at path. It connects
// when it is first used.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", path)
		if err != nil {
			return nil, err
		}
		if pid := stoppedPeer(conn); pid != 0 {
			conn.Close()
			return nil, &StoppedError{PID: pid}
		}
		return conn, nil
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableCompression: true}}}
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "status", nil)
}

// Why asks for the shortest chain to each service, or if limit is above 0 for
// every chain, at most so many. An agent of an older version answers with the
// shortest one alone.
func (c *Client) Why(ctx context.Context, path string, services []string, limit int) (Why, error) {
	q := url.Values{"path": {path}, "service": services}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return get[Why](ctx, c, "why", q)
}

func (c *Client) Affected(ctx context.Context, paths []string) (Affected, error) {
	return get[Affected](ctx, c, "affected", url.Values{"path": paths})
}

func (c *Client) Do(ctx context.Context, req Request) (Outcome, error) {
	body, err := json.Marshal(req)
	if err != nil {
		return Outcome{}, fmt.Errorf("cannot write the request: %w", err)
	}
	return call[Outcome](ctx, c, http.MethodPost, "do", nil, body)
}

// Sync waits for what [Backend.Sync] promises, at most for timeout.
func (c *Client) Sync(ctx context.Context, timeout time.Duration) (Outcome, error) {
	return call[Outcome](ctx, c, http.MethodPost, "sync", url.Values{"timeout": {timeout.String()}}, nil)
}

// Events calls yield with the events after seq; with follow, until ctx ends or
// the agent stops.
func (c *Client) Events(ctx context.Context, seq uint64, follow bool, yield func(Event) error) error {
	q := url.Values{"since": {strconv.FormatUint(seq, 10)}}
	if follow {
		q.Set("follow", "1")
	}
	return each(ctx, c, "events", q, yield)
}

// Logs calls yield with the lines that are asked for.
func (c *Client) Logs(ctx context.Context, q LogQuery, yield func(Line) error) error {
	return each(ctx, c, "logs", q.values(), yield)
}

func get[T any](ctx context.Context, c *Client, verb string, q url.Values) (T, error) {
	return call[T](ctx, c, http.MethodGet, verb, q, nil)
}

func call[T any](ctx context.Context, c *Client, method, verb string, q url.Values, body []byte) (T, error) {
	var out T
	resp, err := c.request(ctx, method, verb, q, body)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil {
		return out, fmt.Errorf("cannot read the agent's answer: %w", err)
	}
	return out, nil
}

func each[T any](ctx context.Context, c *Client, verb string, q url.Values, yield func(T) error) error {
	resp, err := c.request(ctx, http.MethodGet, verb, q, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	for {
		var object json.RawMessage
		err := dec.Decode(&object)
		switch {
		case errors.Is(err, io.EOF), ctx.Err() != nil:
			return ctx.Err() // the agent ended, or the caller did
		case errors.Is(err, io.ErrUnexpectedEOF):
			return errors.New("the agent ended in the middle of the stream")
		case err != nil:
			return fmt.Errorf("cannot read the agent's answer: %w", err)
		}
		var v T
		var p problem
		if err := errors.Join(json.Unmarshal(object, &v), json.Unmarshal(object, &p)); err != nil {
			return fmt.Errorf("cannot read the agent's answer: %w", err)
		}
		switch {
		case p.Refused:
			return &Refusal{Text: p.Error}
		case p.Error != "":
			return errors.New(p.Error)
		}
		if err := yield(v); err != nil {
			return err
		}
	}
}

func (c *Client) request(ctx context.Context, method, verb string, q url.Values, body []byte) (*http.Response, error) {
	// The host is never looked up: the transport dials the socket.
	u := url.URL{Scheme: "http", Host: "agent", Path: "/v1/" + verb, RawQuery: q.Encode()}
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("cannot ask the agent: %w", err)
	}
	req.Header.Set("Bounce-Protocol", strconv.Itoa(protocol))
	if verb == "attach" {
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", upgrade)
	}
	resp, err := c.http.Do(req)
	var stopped *StoppedError
	switch {
	case errors.As(err, &stopped):
		return nil, stopped
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return nil, ErrNoAgent
	case err != nil:
		return nil, fmt.Errorf("cannot ask the agent: %w", err)
	case resp.StatusCode == http.StatusOK, resp.StatusCode == http.StatusSwitchingProtocols:
		return resp, nil
	}
	defer resp.Body.Close()
	var p problem
	if err := json.NewDecoder(resp.Body).Decode(&p); err != nil {
		if resp.StatusCode == http.StatusNotFound {
			return nil, ErrUnknown
		}
		return nil, fmt.Errorf("cannot ask the agent: it answered %s", resp.Status)
	}
	switch resp.StatusCode {
	case http.StatusUnprocessableEntity, http.StatusBadRequest:
		return nil, &Refusal{Text: p.Error}
	case http.StatusGatewayTimeout:
		return nil, ErrTimeout
	}
	return nil, errors.New(p.Error)
}
