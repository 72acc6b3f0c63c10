package passwords

import (
	"encoding/json"
	"strings"

	"github.com/ccojocar/zxcvbn-go/adjacency"
	"github.com/ccojocar/zxcvbn-go/data"
)

// newEstimator reads zxcvbn-go's lists. They are part of the program, so a fault in one is one of the program's.
func newEstimator() *estimator {
	made := &estimator{ranks: make(map[string]int32, 100_000)}
	for _, name := range []string{"Passwords", "English", "FemaleNames", "MaleNames", "Surnames"} {
		file, err := data.Asset("data/" + name + ".json")
		if err != nil {
			panic(err)
		}
		var words struct{ List []string }
		if err := json.Unmarshal(file, &words); err != nil {
			panic(err)
		}
		for i, word := range words.List {
			word = strings.ToLower(word)
			if rank, found := made.ranks[word]; !found || int32(i) < rank {
				made.ranks[word] = int32(i + 1)
			}
		}
	}
	for _, name := range []string{"qwerty", "dvorak", "keypad", "macKeypad"} {
		made.keyboard = append(made.keyboard, adjacency.GraphMap[name])
	}
	return made
}

// Symbols that look like letters, and the letters; those of the second pair look like two.
const (
	leetSymbols  = "4@8({[<369!0$5+%2"
	leetLetters  = "aabcccceggiosstxz"
	ambiguous    = "1|7"
	firstMeaning = "iil"
	otherMeaning = "llt"

	maxLeetSymbols = 6 // different ones: who has more means no letters by them, as in a row of digits
)

// leetReadings are what the password says when symbols are read as the letters that they look like: none if it has no such
// symbol or many, and at most eight, for the three symbols that look like two letters.
func leetReadings(password string) []string {
	count := 0
	for _, symbol := range leetSymbols + ambiguous {
		if strings.ContainsRune(password, symbol) {
			count++
		}
	}
	if count == 0 || count > maxLeetSymbols {
		return nil
	}
	readings := []string{strings.Map(translate(leetSymbols, leetLetters), password)}
	for i := range ambiguous {
		if !strings.Contains(password, ambiguous[i:i+1]) {
			continue
		}
		var both []string
		for _, reading := range readings {
			for _, meaning := range []string{firstMeaning, otherMeaning} {
				both = append(both, strings.ReplaceAll(reading, ambiguous[i:i+1], meaning[i:i+1]))
			}
		}
		readings = both
	}
	return readings
}

func translate(from, to string) func(rune) rune {
	return func(r rune) rune {
		if i := strings.IndexRune(from, r); i >= 0 {
			return rune(to[i])
		}
		return r
	}
}
