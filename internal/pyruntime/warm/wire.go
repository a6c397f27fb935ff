package warm

import (
	"bytes"
	"fmt"
	"strconv"
)

// A message is a verb and lists of words, each word ended by a zero byte, which
// no argument and no variable can contain: verb, then for each list its length
// and its words. Messages keep their bounds, see SOCK_SEQPACKET.

// encode writes a message.
func encode(verb string, lists ...[]string) []byte {
	var b bytes.Buffer
	word := func(s string) {
		b.WriteString(s)
		b.WriteByte(0)
	}
	word(verb)
	for _, list := range lists {
		word(strconv.Itoa(len(list)))
		for _, w := range list {
			word(w)
		}
	}
	return b.Bytes()
}

// decode reads a message, which may be of any content.
func decode(text []byte) (verb string, lists [][]string, err error) {
	fields := bytes.Split(text, []byte{0})
	if last := len(fields) - 1; len(fields[last]) > 0 || last == 0 {
		return "", nil, fmt.Errorf("message %.40q does not end", text)
	}
	fields = fields[:len(fields)-1]
	verb, fields = string(fields[0]), fields[1:]
	for len(fields) > 0 {
		n, err := strconv.Atoi(string(fields[0]))
		if err != nil || n < 0 || n >= len(fields) {
			return "", nil, fmt.Errorf("message %q has a list of length %.20q", verb, fields[0])
		}
		list := make([]string, n)
		for i, word := range fields[1 : 1+n] {
			list[i] = string(word)
		}
		lists, fields = append(lists, list), fields[1+n:]
	}
	return verb, lists, nil
}
