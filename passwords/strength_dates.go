package passwords

import (
	"regexp"
	"strconv"

	"github.com/ccojocar/zxcvbn-go/entropy"
	"github.com/ccojocar/zxcvbn-go/match"
)

var (
	separatedDate = regexp.MustCompile(`(\d{1,4})([\s\-/\\_.])(\d{1,2})[\s\-/\\_.](\d{1,4})`)
	digits        = regexp.MustCompile(`\d+`)
)

// findDates finds dates with a separator (12.3.1987, 1987-03-12) and runs of digits that are one (120387, 19870312).
func findDates(text string) []match.Match {
	var found []match.Match
	add := func(start, end int, separator string, parts ...string) {
		year, isDate := yearOf(parts[0], parts[1], parts[2])
		if !isDate {
			return
		}
		date := patternAt("date", text, start, end)
		date.Entropy = entropy.DateEntropy(match.DateMatch{Year: year, Separator: separator})
		found = append(found, date)
	}
	for _, at := range separatedDate.FindAllStringSubmatchIndex(text, -1) {
		add(at[0], at[1], text[at[4]:at[5]], text[at[2]:at[3]], text[at[6]:at[7]], text[at[8]:at[9]])
	}
	for _, at := range digits.FindAllStringIndex(text, -1) {
		switch run := text[at[0]:at[1]]; len(run) {
		case 6:
			add(at[0], at[1], "", run[:2], run[2:4], run[4:])
		case 8:
			add(at[0], at[1], "", run[:2], run[2:4], run[4:])
			add(at[0], at[1], "", run[:4], run[4:6], run[6:])
		}
	}
	return found
}

// yearOf is the year of a date whose three parts are in any order that has the year at an end: of four digits, or of two.
func yearOf(first, second, third string) (year int64, isDate bool) {
	numbers := [3]int64{}
	for i, part := range []string{first, second, third} {
		number, err := strconv.ParseInt(part, 10, 64)
		if err != nil {
			return 0, false
		}
		numbers[i] = number
	}
	if isYear(third, numbers[2]) && isDayOfMonth(numbers[0], numbers[1]) {
		return numbers[2], true
	}
	return numbers[0], isYear(first, numbers[0]) && isDayOfMonth(numbers[1], numbers[2])
}

func isYear(text string, year int64) bool {
	return len(text) == 2 || len(text) == 4 && 1900 <= year && year <= 2099
}

func isDayOfMonth(one, other int64) bool {
	return 1 <= min(one, other) && min(one, other) <= 12 && max(one, other) <= 31
}
