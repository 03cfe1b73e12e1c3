package serving

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"fovea/internal/typo"
)

// instance is an image in JSON: {"b64": "..."}, or that as image_bytes, the input of an exported SavedModel. What is wrong
// with it is kept, so that whoever knows its place can say it.
type instance struct {
	content []byte
	err     error
}

// UnmarshalJSON implements json.Unmarshaler.
func (i *instance) UnmarshalJSON(data []byte) error {
	var fields struct {
		Own   *encoded `json:"b64"`
		Input *wrapped `json:"image_bytes"`
	}
	i.err = strictly(data, &fields, "b64", "image_bytes")
	switch {
	case i.err != nil:
	case fields.Own != nil && fields.Input == nil:
		i.content = *fields.Own
	case fields.Own == nil && fields.Input != nil && fields.Input.B64 != nil:
		i.content = *fields.Input.B64
	default:
		i.err = errors.New("there is no image")
	}
	if i.err != nil {
		i.err = fmt.Errorf(`%w: give {"b64": "..."} with the bytes of the image's file in base64`, i.err)
	}
	return nil
}

// wrapped is {"b64": "..."}.
type wrapped struct {
	B64 *encoded `json:"b64"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (b *wrapped) UnmarshalJSON(data []byte) error {
	type plain wrapped
	return strictly(data, (*plain)(b), "b64")
}

// errBase64 says that an image has been spoilt on its way, in a request that is right otherwise.
var errBase64 = errors.New("the value of b64 is not base64 (the alphabet with + and /, padded with =)")

// encoded is bytes in base64.
type encoded []byte

// UnmarshalJSON implements json.Unmarshaler.
func (e *encoded) UnmarshalJSON(data []byte) error {
	if data[0] != '"' {
		return errors.New("the value of b64 is not a text")
	}
	if err := json.Unmarshal(data, (*[]byte)(e)); err != nil {
		return fmt.Errorf("%w: %w", errBase64, err)
	}
	return nil
}

// strictly decodes an object, of valid JSON, that has no other keys than these, and each once.
func strictly(data []byte, into any, keys ...string) error {
	if data = bytes.TrimLeft(data, " \t\r\n"); len(data) == 0 || data[0] != '{' {
		return errors.New("not a JSON object")
	}
	have := keysOf(data)
	slices.Sort(have)
	for i, key := range have {
		switch {
		case !slices.Contains(keys, key):
			return fmt.Errorf("unknown key %.40q%s: use %s", key, typo.Hint(key, keys), strings.Join(keys, ", "))
		case i > 0 && have[i-1] == key: // all but the last value would be lost
			return fmt.Errorf("the key %q is there more than once: give all its values in one", key)
		}
	}
	return json.Unmarshal(data, into)
}

// keysOf are the keys of an object of valid JSON, as often as they are there. Its values, which may be large, are not
// copied.
func keysOf(object []byte) (keys []string) {
	depth, next := 0, false // whether a key comes next
	for at := 0; at < len(object); {
		first := object[at]
		at++
		switch first {
		case '{', '[':
			depth++
			next = depth == 1
		case '}', ']':
			depth--
		case ',':
			next = depth == 1
		case '"':
			end := at + textEnd(object[at:])
			if next {
				var key string
				_ = json.Unmarshal(object[at-1:end], &key) // valid
				keys, next = append(keys, key), false
			}
			at = end
		}
	}
	return keys
}

// skipped is a value that is not looked at.
type skipped struct{}

// UnmarshalJSON implements json.Unmarshaler.
func (skipped) UnmarshalJSON([]byte) error { return nil }

// object decodes the JSON object of a request, which has no other keys than these, and makes room for the images in it.
func (s *Server) object(held *body, content []byte, into any, keys ...string) error {
	if elements(content) > maxElements {
		return statusError{http.StatusRequestEntityTooLarge, "images", fmt.Errorf("the JSON has more than %d values: send fewer images at a time", maxElements)}
	}
	if !json.Valid(content) {
		return malformed("the request is not JSON: %w", json.Unmarshal(content, new(skipped)))
	}
	if err := s.unpack(held, len(content)); err != nil {
		return err
	}
	if err := strictly(content, into, keys...); err != nil {
		return malformed("the request: %w", err)
	}
	return nil
}

// maxElements bounds the values of a request's JSON, each of which takes many times as much memory as a byte of text.
const maxElements = 100_000

// elements is about the number of values in a JSON text.
func elements(content []byte) (n int) {
	for len(content) > 0 {
		first := content[0]
		content = content[1:]
		switch first {
		case ',', ':', '[', '{':
			n++
		case '"':
			content = content[textEnd(content):]
		}
	}
	return n
}

// textEnd is the length of the rest of a text in JSON, up to the quote that ends it.
func textEnd(rest []byte) (end int) {
	for {
		at := bytes.IndexByte(rest[end:], '"')
		if at < 0 {
			return len(rest)
		}
		end += at + 1
		before := rest[:end-1]
		if escapes := len(before) - len(bytes.TrimRight(before, `\`)); escapes%2 == 0 {
			return end
		}
	}
}

// instances takes the images out of {"instances": [{"b64": "..."}, ...]}.
func (s *Server) instances(held *body, content []byte) ([]sentFile, error) {
	var request struct {
		Instances []instance `json:"instances"`
	}
	if err := s.object(held, content, &request, "instances"); err != nil {
		return nil, err
	}
	return s.filesOf(request.Instances)
}

// filesOf are images in JSON as files. Those that are not in base64 have their own error.
func (s *Server) filesOf(instances []instance) ([]sentFile, error) {
	files := make([]sentFile, len(instances))
	for i, instance := range instances {
		files[i] = s.within("", instance.content)
		switch {
		case errors.Is(instance.err, errBase64):
			files[i].err = malformed("%w", instance.err)
		case instance.err != nil:
			return nil, malformed("image %d of %d: %w", i, len(instances), instance.err)
		}
	}
	return files, nil
}
