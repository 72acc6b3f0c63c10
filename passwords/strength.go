package passwords

import (
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go/adjacency"
	"github.com/ccojocar/zxcvbn-go/entropy"
	"github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/scoring"
)

const (
	minScore    = 2  // of zxcvbn's 0 to 4
	scoredRunes = 64 // the words looked for grow with the square of the length
	minPattern  = 3  // characters of a sequence, a repetition or a walk over the keyboard
)

// estimator scores passwords as zxcvbn does (Wheeler, USENIX Security 2016): what of a password follows a pattern costs an
// attacker as much as the pattern, and the rest has to be guessed. The data and the arithmetic are zxcvbn-go's. What looks
// for the patterns is ours, because zxcvbn-go's unpacks all its words at the start of every program that has it, and its
// time grows exponentially with the symbols that stand for letters.
type estimator struct {
	ranks    map[string]int32 // of words, common passwords and names, in lower case: 1 is the most frequent
	keyboard []adjacency.Graph
}

// isWeak reports whether the beginning of the password scores too low. The words are as easy to guess as the most frequent
// ones of the estimator's.
func (e *estimator) isWeak(password string, words []string) bool {
	password = firstRunes(password, scoredRunes)
	own := make(map[string]int32, len(words))
	for i, word := range words {
		if _, found := own[word]; !found {
			own[word] = int32(i + 1)
		}
	}
	matches := slices.Concat(
		findWords(password, own), findWords(password, e.ranks),
		findSequences(password), findRepetitions(password), findDates(password),
	)
	for _, reading := range leetReadings(password) {
		matches = append(matches, findWords(reading, own)...)
		matches = append(matches, findWords(reading, e.ranks)...)
	}
	for _, graph := range e.keyboard {
		matches = append(matches, findWalks(password, graph)...)
	}
	return scoring.MinimumEntropyMatchSequence(password, matches).Score < minScore
}

// findWords finds every part of text that is one of the words, whatever its case.
func findWords(text string, ranks map[string]int32) []match.Match {
	var found []match.Match
	lower := lowerInPlace(text)
	for start := range lower {
		for end := start; end < len(lower); {
			_, size := utf8.DecodeRuneInString(lower[end:])
			end += size
			if rank, isWord := ranks[lower[start:end]]; isWord {
				word := patternAt("dictionary", text, start, end)
				word.Entropy = entropy.DictionaryEntropy(word, float64(rank))
				found = append(found, word)
			}
		}
	}
	return found
}

// patternAt is a pattern from start to before end, in bytes.
func patternAt(pattern, text string, start, end int) match.Match {
	return match.Match{Pattern: pattern, I: start, J: end - 1, Token: text[start:end]}
}

// lowerInPlace is text in lower case, but for letters that would be of another length: every byte stays where it is.
func lowerInPlace(text string) string {
	lower := make([]rune, 0, len(text))
	for _, r := range text {
		if small := unicode.ToLower(r); utf8.RuneLen(small) == utf8.RuneLen(r) {
			r = small
		}
		lower = append(lower, r)
	}
	return string(lower)
}

// findSequences finds characters that follow each other, up or down: abc, ZYX, 456.
func findSequences(text string) []match.Match {
	var found []match.Match
	for start := 0; start < len(text)-1; {
		end, step := start+1, int(text[start+1])-int(text[start])
		for end < len(text) && (step == 1 || step == -1) && alphabet(text[end]) > 0 &&
			alphabet(text[end]) == alphabet(text[end-1]) && int(text[end])-int(text[end-1]) == step {
			end++
		}
		if end-start >= minPattern {
			sequence := patternAt("sequence", text, start, end)
			sequence.Entropy = entropy.SequenceEntropy(sequence, alphabet(text[start]), step == 1)
			found = append(found, sequence)
		}
		start = max(end-1, start+1) // the last character can begin the next one, as in abcba
	}
	return found
}

// alphabet is how many characters there are of the kind of this one, and 0 for one that no sequence has.
func alphabet(character byte) int {
	switch {
	case 'a' <= character && character <= 'z':
		return 'z' - 'a' + 1
	case 'A' <= character && character <= 'Z':
		return -('Z' - 'A' + 1)
	case '0' <= character && character <= '9':
		return '9' - '0' + 1
	}
	return 0
}

// findRepetitions finds one character several times in a row, in whatever case.
func findRepetitions(text string) []match.Match {
	var found []match.Match
	start, count, repeated := 0, 0, rune(-1)
	add := func(end int) {
		if count >= minPattern {
			repetition := patternAt("repeat", text, start, end)
			repetition.Entropy = entropy.RepeatEntropy(repetition)
			found = append(found, repetition)
		}
	}
	for at, r := range text {
		if r = unicode.ToLower(r); r != repeated {
			add(at)
			start, count, repeated = at, 0, r
		}
		count++
	}
	add(len(text))
	return found
}

// findWalks finds walks from key to neighbouring key. Those that turn less are easier to guess.
func findWalks(text string, keys adjacency.Graph) []match.Match {
	var found []match.Match
	for start := 0; start < len(text)-1; {
		end, turns, shifted, direction := start+1, 0, 0, -1
		for ; end < len(text); end++ {
			next, isShifted := step(keys, text[end-1], text[end])
			if next < 0 {
				break
			}
			if next != direction {
				turns++
			}
			if isShifted {
				shifted++
			}
			direction = next
		}
		if end-start >= minPattern {
			walk := patternAt("spatial", text, start, end)
			walk.DictionaryName = keys.Name
			walk.Entropy = entropy.SpatialEntropy(walk, turns, shifted)
			found = append(found, walk)
		}
		start = end
	}
	return found
}

// step is the direction in which the key of one character lies from another's, or -1 if they are no neighbours, and whether
// it needs the shift key.
func step(keys adjacency.Graph, from, to byte) (direction int, isShifted bool) {
	for direction, key := range keys.Graph[string(rune(from))] {
		for at := range len(key) {
			if key[at] == to {
				return direction, at == 1
			}
		}
	}
	return -1, false
}

func firstRunes(text string, count int) string {
	for i := range text {
		if count == 0 {
			return text[:i]
		}
		count--
	}
	return text
}
