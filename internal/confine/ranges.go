package confine

import (
	"fmt"
	"strconv"
	"strings"
)

// maxCPUs is how many a set of CPUs has room for.
const maxCPUs = 1024

// parseRanges reads numbers as the kernel lists them, "0-3,8".
func parseRanges(text string) ([]int, bool) {
	var list []int
	for word := range strings.SplitSeq(text, ",") {
		low, high, isRange := strings.Cut(word, "-")
		from, err := strconv.Atoi(low)
		to := from
		if isRange && err == nil {
			to, err = strconv.Atoi(high)
		}
		if err != nil || from < 0 || to < from || to >= maxCPUs {
			return nil, false
		}
		for n := from; n <= to; n++ {
			list = append(list, n)
		}
	}
	return list, true
}

// ranges is the inverse of parseRanges.
func ranges(list []int) string {
	var words []string
	for i := 0; i < len(list); {
		j := i
		for j+1 < len(list) && list[j+1] == list[j]+1 {
			j++
		}
		if word := strconv.Itoa(list[i]); i == j {
			words = append(words, word)
		} else {
			words = append(words, fmt.Sprintf("%s-%d", word, list[j]))
		}
		i = j + 1
	}
	return strings.Join(words, ",")
}
