package featurestore

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"fovea/internal/lazy"
	"fovea/internal/seal"
)

// mostProblems bounds what is listed as wrong with a manifest, by each of the functions that look at it.
const mostProblems = 1000

var hexSHA256 = lazy.Regexp(`^[0-9a-f]{64}$`)

// wrong lists everything in a manifest that would be read differently than it was written, or that
// would hide damage.
func (m Manifest) wrong() []error {
	var found []error
	wrong := func(format string, args ...any) {
		if len(found) < mostProblems { // a damaged list could have millions
			found = append(found, fmt.Errorf(format, args...))
		}
	}
	info, options := Info{Recipe: m.Recipe, DType: m.DType, Extra: m.ExtraColumns, Grouping: m.Grouping}, Options{Format: m.Format}
	found = append(found, info.validate(), options.validate())
	switch m.Status {
	case StatusWriting, StatusInterrupted, StatusComplete:
	default:
		wrong("unknown status %q: want %q, %q or %q", m.Status, StatusWriting, StatusInterrupted, StatusComplete)
	}
	if want := versionOf(m.Recipe, m.ExtraColumns); m.Version != want {
		wrong("its version is %d, but that of such a dataset is %d", m.Version, want)
	}
	if m.Fingerprint != m.Recipe.Fingerprint() {
		wrong("the fingerprint is not that of the recipe")
	}
	if m.RowsPerShard < 1 {
		wrong("%d rows per shard", m.RowsPerShard)
	}
	if m.Rows < 0 || m.Failures < 0 {
		wrong("%d rows and %d failures", m.Rows, m.Failures)
	}
	m.wrongShards(wrong)
	if f := m.FailuresFile; f != nil && (f.Bytes < 0 || !hexSHA256().MatchString(f.SHA256)) {
		wrong("%s has %d bytes with the SHA-256 %q", FailuresFile, f.Bytes, f.SHA256)
	}
	return slices.DeleteFunc(found, func(err error) bool { return err == nil })
}

func (m Manifest) wrongShards(wrong func(format string, args ...any)) {
	rows := 0
	for i, s := range m.Shards {
		rows += s.Rows
		if name := dataDir + "/" + shardName(i, m.Format); s.File != name {
			wrong("it lists %q where %q should be", s.File, name)
		}
		if s.Rows < 1 || s.Bytes < 1 || !hexSHA256().MatchString(s.SHA256) {
			wrong("%s has %d rows in %d bytes with the SHA-256 %q", s.File, s.Rows, s.Bytes, s.SHA256)
		}
		if s.TailSHA256 != "" && !hexSHA256().MatchString(s.TailSHA256) {
			wrong("%s has an end with the SHA-256 %q", s.File, s.TailSHA256)
		}
	}
	// A writer counts rows before it lists their shard.
	if m.Status != StatusWriting && rows != m.Rows {
		wrong("its shards have %d rows, but %s says %d", rows, manifestName, m.Rows)
	}
}

// odd lists what else cannot be in a manifest written by Encode.
func (m Manifest) odd() []error {
	var found []error
	for _, c := range []struct {
		name   string
		counts map[string]int
	}{{"labels", m.Labels}, {"splits", m.Splits}} {
		sum := 0
		for _, of := range slices.Sorted(maps.Keys(c.counts)) {
			if n := c.counts[of]; (n < 1 || of == "") && len(found) < mostProblems {
				found = append(found, fmt.Errorf("%s: %q has %d rows", c.name, of, n))
			}
			sum += c.counts[of]
		}
		if sum > m.Rows {
			found = append(found, fmt.Errorf("%s: it counts %d rows, but there are %d", c.name, sum, m.Rows))
		}
	}
	if m.Status == StatusWriting && m.FailuresFile != nil {
		found = append(found, errors.New("failures_file: it is unknown while a writer works"))
	}
	return found
}

// inspectManifest lists everything that is wrong with a text that ParseManifest recognizes as a
// manifest.
func inspectManifest(raw []byte, m Manifest) []error {
	var found []error
	if _, err := seal.Check(raw); err != nil {
		found = append(found, err)
	}
	members := members{decoder: json.NewDecoder(bytes.NewReader(raw))}
	members.decoder.UseNumber()
	if json.Valid(raw) {
		members.value("", reflect.TypeFor[Manifest]())
	}
	return slices.Concat(found, members.found, m.wrong(), m.odd())
}

// members compares a JSON text with the Go type that it was made from. Unlike package json it reports
// members that are unknown, missing, duplicate or null.
type members struct {
	decoder *json.Decoder
	found   []error
}

func (c *members) wrong(where, format string, args ...any) {
	if len(c.found) < mostProblems {
		c.found = append(c.found, fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...)))
	}
}

// value reads the next value, whose type is t, or any if t is nil.
func (c *members) value(where string, t reflect.Type) {
	if t == nil { // not looked into: it could be nested without end
		var any json.RawMessage
		_ = c.decoder.Decode(&any) // ParseManifest reports it
		return
	}
	token, err := c.decoder.Token()
	if err != nil {
		return // ParseManifest reports it
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := kindOf(t)
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			c.object(where, t, kind)
		} else {
			c.array(where, t, kind)
		}
	case string:
		c.is(where, kind == reflect.String, "a string")
	case bool:
		c.is(where, kind == reflect.Bool, "a truth value")
	case json.Number:
		_, err := strconv.ParseInt(token.String(), 10, 64)
		c.is(where, kind == reflect.Int && err == nil, "the number "+token.String())
	default:
		c.is(where, false, "null")
	}
}

// kindOf is the kind of JSON value for a type: Int for whole numbers.
func kindOf(t reflect.Type) reflect.Kind {
	switch {
	case reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()):
		return reflect.String
	case t.Kind() == reflect.Int64:
		return reflect.Int
	}
	return t.Kind()
}

func (c *members) is(where string, right bool, what string) {
	if !right {
		c.wrong(where, "it is %s, which cannot be", what)
	}
}

func (c *members) array(where string, t reflect.Type, kind reflect.Kind) {
	var element reflect.Type
	if c.is(where, kind == reflect.Slice, "an array"); kind == reflect.Slice {
		element = t.Elem()
	}
	for i := 0; c.decoder.More(); i++ {
		c.value(fmt.Sprintf("%s[%d]", where, i), element)
	}
	_, _ = c.decoder.Token() // its end
}

func (c *members) object(where string, t reflect.Type, kind reflect.Kind) {
	c.is(where, kind == reflect.Struct || kind == reflect.Map, "an object")
	known := map[string]member{}
	if kind == reflect.Struct {
		known = membersOf(t)
	}
	if t == reflect.TypeFor[Manifest]() {
		known[seal.Key] = member{reflect.TypeFor[string](), false}
	}
	seen := map[string]bool{}
	for c.decoder.More() {
		token, err := c.decoder.Token()
		if err != nil {
			return
		}
		key, _ := token.(string)
		at := strings.TrimPrefix(where+"."+key, ".")
		if seen[key] {
			c.wrong(at, "it is there twice")
		}
		seen[key] = true
		switch m, ok := known[key]; {
		case kind == reflect.Map:
			c.value(at, t.Elem())
		case kind == reflect.Struct && !ok:
			c.wrong(at, "it is not known to this program: it is damaged, or of a later version")
			c.value(at, nil)
		default:
			c.value(at, m.of)
		}
	}
	_, _ = c.decoder.Token() // its end
	for _, key := range slices.Sorted(maps.Keys(known)) {
		if known[key].required && !seen[key] {
			c.wrong(strings.TrimPrefix(where+"."+key, "."), "it is missing")
		}
	}
}

// member is a member of an object.
type member struct {
	of       reflect.Type
	required bool
}

func membersOf(t reflect.Type) map[string]member {
	known := map[string]member{}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		known[name] = member{t.Field(i).Type, !strings.Contains(options, "omitempty")}
	}
	return known
}
