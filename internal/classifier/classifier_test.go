package classifier

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// patience is how long a program may take that is to give an answer.
const patience = time.Minute

const testdata = "../../testdata/classifier"

var question = Question{
	Version: 1,
	Paths:   []string{"a.conf", "b.txt"},
	Actions: []Action{{"api", 10}, {"worker", 20}},
}

// ask runs a program and writes what came of it as the archives do.
func ask(t *testing.T, p Program) string {
	t.Helper()
	var said []string
	p.Stderr = func(line string) { said = append(said, "stderr "+line) }
	a, err := p.Ask(t.Context(), question)
	text := "no answer: "
	if err != nil {
		text += strings.TrimSpace(err.Error())
	} else {
		data, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		text = string(data)
	}
	if n := len(said); n > 10 {
		said = append(said[:2], fmt.Sprintf("stderr ... %d more", n-3), said[n-1])
	}
	return strings.Join(append([]string{text}, said...), "\n")
}

func cases(t *testing.T, file string, run func(t *testing.T, text string) string) {
	a, err := txtar.ParseFile(filepath.Join(testdata, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range a.Files {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			text, want, ok := strings.Cut(string(f.Data), "=> ")
			if !ok {
				t.Fatal("nothing is expected")
			}
			if got := run(t, text); got != strings.TrimSpace(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestAsk(t *testing.T) {
	cases(t, "ask.txtar", func(t *testing.T, script string) string {
		p := Program{Argv: []string{"/bin/sh", "-c", script}, Dir: t.TempDir(), Env: os.Environ(), Timeout: patience}
		if text, ok := strings.CutPrefix(script, "# timeout "); ok {
			text, _, _ = strings.Cut(text, "\n")
			var err error
			if p.Timeout, err = time.ParseDuration(text); err != nil {
				t.Fatal(err)
			}
		}
		return ask(t, p)
	})
}

func TestProgramThatIsNotThere(t *testing.T) {
	_, err := Program{Argv: []string{"/nonexistent/x"}, Dir: t.TempDir(), Timeout: patience}.Ask(t.Context(), question)
	if err == nil || !strings.HasPrefix(err.Error(), "it cannot be run: ") {
		t.Errorf("got %v", err)
	}
}

func TestAskIsCancelled(t *testing.T) {
	why := fmt.Errorf("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	p := Program{Argv: []string{"/bin/sh", "-c", "echo begun >&2; exec sleep 60"}, Dir: t.TempDir(), Env: os.Environ(), Timeout: patience}
	p.Stderr = func(string) { cancel(why) }
	if _, err := p.Ask(ctx, question); err != why {
		t.Errorf("got %v, want the cause", err)
	}
}

// TestChildrenEnd holds a pipe open by a child of the program: it is at its end
// when the child is dead.
func TestChildrenEnd(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := Program{
		Argv: []string{"/bin/sh", "-c", fmt.Sprintf("sleep 60 3>/proc/%d/fd/%d & sleep 60", os.Getpid(), w.Fd())},
		Dir:  t.TempDir(), Env: os.Environ(), Timeout: 200 * time.Millisecond,
	}
	if _, err := p.Ask(t.Context(), question); err == nil {
		t.Error("an answer of a program that sleeps")
	}
	w.Close()
	if _, err := io.ReadAll(r); err != nil { // blocks while the child lives
		t.Error(err)
	}
}

// TestSample asks configs/samples/classify.py, which asks a local server.
func TestSample(t *testing.T) {
	python, err := filepath.Abs("../../build/venv/bin/python")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(python); err != nil {
		t.Fatalf("there is no interpreter: run `make venv` (%v)", err)
	}
	sample, err := filepath.Abs("../../configs/samples/classify.py")
	if err != nil {
		t.Fatal(err)
	}
	program := func(url string, env ...string) Program {
		return Program{
			Argv: []string{python, sample}, Dir: t.TempDir(), Timeout: patience,
			Env: append([]string{"PATH=" + os.Getenv("PATH"), "CLASSIFIER_URL=" + url + "/v1/", "CLASSIFIER_MODEL=small"}, env...),
		}
	}
	cases(t, "sample/model.txtar", func(t *testing.T, text string) string {
		status, body, _ := strings.Cut(text, "\n")
		ended := make(chan struct{})
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			var asked struct {
				Model    string
				Messages []struct{ Role, Content string }
			}
			if err := json.NewDecoder(r.Body).Decode(&asked); err != nil || len(asked.Messages) != 2 {
				t.Errorf("asked %+v, %v", asked, err)
				return
			}
			if r.URL.Path != "/v1/chat/completions" || r.Header.Get("Authorization") != "Bearer secret" || asked.Model != "small" ||
				asked.Messages[1].Content != `{"paths": ["a.conf", "b.txt"], "actions": ["api", "worker"]}` {
				t.Errorf("asked %s %v %+v", r.URL, r.Header, asked)
			}
			var code int
			if _, err := fmt.Sscan(status, &code); err != nil {
				t.Error(err)
			}
			if code == 0 {
				<-ended
				return
			}
			w.WriteHeader(code)
			io.WriteString(w, body)
		}))
		defer server.Close()
		defer close(ended)
		p := program(server.URL, "CLASSIFIER_KEY=secret")
		if status == "0" {
			p.Timeout = time.Second
		}
		got := ask(t, p)
		got, _, _ = strings.Cut(got, "\nstderr ")
		return strings.ReplaceAll(got, server.URL, "$URL")
	})
	for _, c := range []struct {
		env  []string
		want string
	}{
		{[]string{"CLASSIFIER_URL="}, "CLASSIFIER_URL is not set"},
		{[]string{"CLASSIFIER_MODEL="}, "CLASSIFIER_MODEL is not set"},
		{[]string{"CLASSIFIER_URL=nonsense"}, "unknown url type"},
		// Nobody listens on port 0.
		{[]string{"CLASSIFIER_URL=http://127.0.0.1:0/v1"}, "http://127.0.0.1:0/v1/chat/completions gives no answer"},
	} {
		if _, err := program("http://127.0.0.1:0", c.env...).Ask(t.Context(), question); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v", c.env, err)
		}
	}
}

func TestCache(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "dir")
	c := Cache{dir}
	want := Answer{Actions: []string{"api"}, Reason: "because"}
	if _, ok := c.Get("k", question.Actions); ok {
		t.Error("an answer from nowhere")
	}
	if err := c.Put("k", want); err != nil {
		t.Fatal(err)
	}
	got, ok := c.Get("k", question.Actions)
	if !ok || got.Reason != want.Reason || !slices.Equal(got.Actions, want.Actions) {
		t.Errorf("got %+v, %t", got, ok)
	}
	if _, ok := c.Get("k", nil); ok {
		t.Error("an answer with an action that is no longer declared")
	}
	file := filepath.Join(dir, "k.json")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []string{"", "x", string(whole[:len(whole)/2]), "{}", "[]", "null", `{"key":"k"}`, `{"key":"other","answer":{"actions":["api"]}}`} {
		if err := os.WriteFile(file, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, ok := c.Get("k", question.Actions); ok {
			t.Errorf("%q is taken for %+v", broken, got)
		}
		if err := c.Put("k", want); err != nil {
			t.Fatal(err)
		}
		if _, ok := c.Get("k", question.Actions); !ok {
			t.Errorf("%q was not replaced", broken)
		}
	}
	// A directory that cannot be written keeps nothing, and says so.
	if err := (Cache{filepath.Join(file, "below")}).Put("k", want); err == nil {
		t.Error("kept below a file")
	}
}

func TestCacheForgetsTheOldest(t *testing.T) {
	c := Cache{t.TempDir()}
	at := time.Now().Add(-time.Hour)
	for i := range maxKept {
		key := fmt.Sprintf("k%04d", i)
		file := c.file(key)
		if err := os.WriteFile(file, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
		if err := os.Chtimes(file, at, at); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Put("new", Answer{Actions: []string{}}); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(entries); n != maxKept-maxKept/10+1 || entries[0].Name() != fmt.Sprintf("k%04d.json", maxKept/10) {
		t.Errorf("%d are left, the first of them %s", n, entries[0].Name())
	}
}

// TestKey changes one thing at a time.
func TestKey(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "x.py")
	write := func(text string) {
		if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("1")
	p := Program{Argv: []string{"python3", "x.py"}, Dir: dir, Timeout: 1, Env: []string{"A=1"}}
	env := map[string]string{"MODEL": "small"}
	state := []string{"a.conf 1"}
	first := p.Key(question, env, state)

	same := p
	same.Timeout, same.Env = 2, nil
	if same.Key(question, map[string]string{"MODEL": "small"}, []string{"a.conf 1"}) != first {
		t.Error("the key depends on what does not matter")
	}
	keys := map[string]string{first: "first"}
	differ := func(what, key string) {
		if was, ok := keys[key]; ok {
			t.Errorf("%s: the key is that of %s", what, was)
		}
		keys[key] = what
	}
	differ("other words", Program{Argv: []string{"python3", "x.py", "-v"}, Dir: dir}.Key(question, env, state))
	differ("other environment", p.Key(question, map[string]string{"MODEL": "large"}, state))
	differ("other content", p.Key(question, env, []string{"a.conf 2"}))
	q := question
	q.Paths = []string{"a.conf"}
	differ("other paths", p.Key(q, env, state))
	q = question
	q.Actions = q.Actions[:1]
	differ("other actions", p.Key(q, env, state))
	write("2")
	differ("another script", p.Key(question, env, state))
}

func FuzzRead(f *testing.F) {
	for _, seed := range []string{`{"actions": ["api"]}`, `{"actions": ["x"]}`, `{"actions": []}{}`, `null`, `{"actions":{}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, out []byte) {
		a, err := read(out, question.Actions)
		for _, name := range a.Actions {
			if err != nil || name != "api" && name != "worker" {
				t.Errorf("%q gives %+v, %v", out, a, err)
			}
		}
	})
}
