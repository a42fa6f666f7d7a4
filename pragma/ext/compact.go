package ext

import "bytes"

// compact copies a valid JSON object without the white space between tokens and
// checks the limits. It changes nothing else: strings and numbers keep their
// spelling.
func compact(object []byte) ([]byte, error) {
	dst := make([]byte, 0, len(object))
	depth := 0
	for i := 0; i < len(object); {
		switch c := object[i]; c {
		case '"':
			end := stringEnd(object, i)
			dst = append(dst, object[i:end]...)
			i = end
			continue
		case ' ', '\t', '\r', '\n':
			i++
			continue
		case '{', '[':
			if depth++; depth > MaxDepth {
				return nil, errTooDeep
			}
		case '}', ']':
			depth--
		}
		dst = append(dst, object[i])
		i++
	}
	if len(dst) > MaxBytes {
		return nil, errTooLong
	}
	return dst, nil
}

// checkLimits checks the limits of an object that is compact already.
func checkLimits(object []byte) error {
	if len(object) > MaxBytes {
		return errTooLong
	}
	if bytes.Count(object, []byte("{"))+bytes.Count(object, []byte("[")) <= MaxDepth {
		return nil // even if every bracket is inside another
	}
	depth := 0
	for i := 0; i < len(object); i++ {
		switch object[i] {
		case '"':
			i = stringEnd(object, i) - 1
		case '{', '[':
			if depth++; depth > MaxDepth {
				return errTooDeep
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

// stringEnd returns the index behind the string that starts at text[start].
func stringEnd(text []byte, start int) int {
	for i := start + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text) // not reached with valid JSON
}
