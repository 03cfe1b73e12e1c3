package redact

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// shortest is the length in bytes of the shortest secret that is looked for in texts. Shorter ones, such as the
// key "test" of many a trial, are words that messages need.
const shortest = 6

// Secrets are credentials that are known, to be hidden wherever they turn up.
type Secrets struct{ replacer *strings.Replacer }

// Known are the credentials in environment variables, as os.Environ lists them, and in arguments: URLs, or
// texts that end with one, such as flags.
func Known(environment []string, arguments ...string) *Secrets {
	var values []string
	for _, variable := range environment {
		name, value, _ := strings.Cut(variable, "=")
		values = append(values, ofVariable(name, value)...)
	}
	for _, argument := range arguments {
		values = append(values, ofURL(argument)...)
	}
	var pairs []string
	spellings := map[string]bool{}
	for _, value := range values {
		if len(value) >= shortest && value != Hidden {
			for _, s := range spelt(value) {
				spellings[s] = len(s) >= shortest
			}
		}
	}
	longestFirst := func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) }
	var sorted []string
	for s, long := range spellings {
		if long {
			sorted = append(sorted, s)
		}
	}
	slices.SortFunc(sorted, longestFirst)
	for _, s := range sorted {
		pairs = append(pairs, s, Hidden)
	}
	return &Secrets{strings.NewReplacer(pairs...)}
}

// Text is a text without the secrets, and as Text shows it.
func (s *Secrets) Text(text string) string { return Text(s.replacer.Replace(text)) }

// Error is an error whose message is as Text shows it. What it wraps can be tested for, but must not be
// printed. It is nil for nil.
func (s *Secrets) Error(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	if shown := s.Text(text); shown != text {
		return &redacted{err, shown}
	}
	return err
}

type redacted struct {
	err  error
	text string
}

func (r *redacted) Error() string    { return r.text }
func (r *redacted) GoString() string { return strconv.Quote(r.text) }
func (r *redacted) Unwrap() error    { return r.err }

// ofVariable are the secrets in an environment variable.
func ofVariable(name, value string) []string {
	upper := strings.ToUpper(name)
	switch {
	case strings.HasSuffix(upper, "_PROXY"):
		if !strings.Contains(value, "://") {
			value = "http://" + value
		}
		return ofURL(value)
	case !isCredential(upper):
		return ofURL(value)
	}
	secrets := []string{value}
	for part := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ';' || r == '&' || r == '?' }) {
		// Of a connection string, and of a SAS token.
		if key, secret, found := strings.Cut(part, "="); found && slices.Contains([]string{"sig", "accountkey", "sharedaccesssignature"}, strings.ToLower(key)) {
			secrets = append(secrets, secret, unescaped(secret))
		}
	}
	return secrets
}

// providers begin the names of variables that stores' libraries read.
var providers = []string{"AWS_", "AZURE_", "GOOGLE_", "GCLOUD_", "GCS_", "CLOUDSDK_", "S3_", "MINIO_", "FOVEA_"}

// isCredential reports whether a variable, by its name, holds a credential itself, rather than the name of one
// or of a file with one.
func isCredential(name string) bool {
	is := func(part string) bool { return strings.Contains(name, part) }
	if !slices.ContainsFunc(providers, func(p string) bool { return strings.HasPrefix(name, p) }) {
		return false
	}
	for _, end := range []string{"_ID", "_FILE", "_PATH", "_URI", "_URL", "_NAME", "_ENDPOINT", "_CREDENTIALS"} {
		if strings.HasSuffix(name, end) {
			return false
		}
	}
	return slices.ContainsFunc([]string{"SECRET", "TOKEN", "PASSWORD", "_KEY", "SAS", "CONNECTION"}, is)
}

// ofURL are the secrets in the URL that a text ends with.
func ofURL(text string) (secrets []string) {
	if i := strings.Index(text, "="); i >= 0 && !begin().MatchString(text) && strings.HasPrefix(text, "-") {
		text = text[i+1:]
	}
	scheme := begin().FindString(text)
	if scheme == "" {
		return nil
	}
	rest := text[len(scheme):]
	shown := withoutUser(rest)
	if shown != rest {
		user := rest[:len(rest)-len(strings.TrimPrefix(strings.TrimPrefix(shown, Hidden), "@"))]
		user = strings.TrimSuffix(user, "@")
		name, password, found := strings.Cut(user, ":")
		if !found {
			password = name
		}
		secrets = append(secrets, user, password, unescaped(user), unescaped(password))
	}
	_, parameters, _ := strings.Cut(shown, "?")
	for p := range strings.SplitSeq(parameters, "&") {
		key, value, found := strings.Cut(p, "=")
		if isHarmless(key, value, found) {
			continue
		}
		if !found {
			value = key
		}
		secrets = append(secrets, value, unescaped(value))
		secrets = append(secrets, ofURL(unescaped(value))...) // that of an endpoint
	}
	return secrets
}

func unescaped(s string) string {
	if text, err := url.PathUnescape(s); err == nil {
		return text
	}
	return s
}

// spelt are the ways in which libraries write a value.
func spelt(value string) []string {
	quoted, web := strconv.Quote(value), []byte(`""`)
	if text, err := json.Marshal(value); err == nil {
		web = text
	}
	all := []string{value, url.QueryEscape(value), url.PathEscape(value), quoted[1 : len(quoted)-1], string(web[1 : len(web)-1])}
	if escaped := (&url.URL{User: url.User(value)}).String(); len(escaped) > 3 {
		all = append(all, strings.TrimSuffix(strings.TrimPrefix(escaped, "//"), "@"))
	}
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		all = append(all, encoding.EncodeToString([]byte(value)))
	}
	return all
}
