package control

import (
	"fmt"
	"net/url"
	"strconv"
	"time"
)

// A question for lines as it stands in an address.

func (q LogQuery) values() url.Values {
	v := url.Values{"service": q.Services, "tail": {strconv.Itoa(q.Tail)}}
	if q.Follow {
		v.Set("follow", "1")
	}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.Format(time.RFC3339Nano))
	}
	if q.Grep != "" {
		v.Set("grep", q.Grep)
	}
	if q.Generation != 0 {
		v.Set("generation", strconv.Itoa(q.Generation))
	}
	return v
}

func parseLogQuery(v url.Values) (q LogQuery, err error) {
	q = LogQuery{Services: v["service"], Follow: v.Get("follow") != "", Grep: v.Get("grep")}
	if q.Tail, err = strconv.Atoi(v.Get("tail")); err != nil {
		return q, &Refusal{Text: fmt.Sprintf("bad number of lines %q", v.Get("tail"))}
	}
	if text := v.Get("since"); text != "" {
		if q.Since, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return q, &Refusal{Text: fmt.Sprintf("bad time %q: write it like 2026-01-31T14:00:00Z", text)}
		}
	}
	if text := v.Get("generation"); text != "" {
		if q.Generation, err = strconv.Atoi(text); err != nil {
			return q, &Refusal{Text: fmt.Sprintf("bad generation %q: it is a whole number", text)}
		}
	}
	return q, nil
}
