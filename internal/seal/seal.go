package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fovea/internal/lazy"
)

// Key names the member that holds the checksum, the last one of the object.
const Key = "checksum"

// ErrBroken says that a text is not the one that was sealed.
var ErrBroken = errors.New("its checksum is not that of its content")

const end = "\n}\n"

// sealed is how a sealed text ends.
var sealed = lazy.Regexp(`,\n +"` + Key + `": "sha256:([0-9a-f]{64})"` + end + `$`)

// sealBytes is more than what sealed matches, with any indentation that people choose.
const sealBytes = 200

// Append adds the checksum to the text of an object as made by json.MarshalIndent with spaces, with
// a newline at its end.
func Append(text []byte) ([]byte, error) {
	body, ok := bytes.CutSuffix(text, []byte(end))
	rest, begins := bytes.CutPrefix(body, []byte("{\n"))
	indent := len(rest) - len(bytes.TrimLeft(rest, " "))
	if !ok || !begins || indent == 0 {
		return nil, errors.New("seal: it is not the indented text of an object with members")
	}
	sum := sha256.Sum256(text)
	return fmt.Appendf(bytes.Clone(body), ",\n%*s%q: %q%s", indent, "", Key, "sha256:"+hex.EncodeToString(sum[:]), end), nil
}

// Check compares a text with its checksum. A text without one, from an earlier version, is not
// sealed and not an error.
func Check(text []byte) (isSealed bool, err error) {
	tail := text[max(0, len(text)-sealBytes):]
	at := sealed().FindSubmatchIndex(tail)
	if at == nil {
		return false, misplaced(text)
	}
	hash := sha256.New()
	hash.Write(text[:len(text)-len(tail)+at[0]])
	hash.Write([]byte(end))
	if got, want := hex.EncodeToString(hash.Sum(nil)), string(tail[at[2]:at[3]]); got != want {
		return true, fmt.Errorf("%w: the SHA-256 is %s and should be %s; it is damaged, or was changed by hand (in that case, delete the line %q)", ErrBroken, got, want, Key)
	}
	return true, nil
}

// misplaced is the error for an object whose checksum is not where Append puts it.
func misplaced(text []byte) error {
	if !bytes.Contains(bytes.ToLower(text), []byte(`"`+Key+`"`)) {
		return nil
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return nil // not an object: for others to judge
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(members)), func(name string) bool { return strings.EqualFold(name, Key) }) {
		return nil
	}
	return fmt.Errorf("%w: it was rewritten by another program, or is damaged (if the change was intended, delete the member %q)", ErrBroken, Key)
}
