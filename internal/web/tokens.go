package web

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Lengths of tokens, in bytes. The longest fits into the headers that servers take.
const (
	minToken = 16
	maxToken = 4096
)

// tokens are the checksums of bearer tokens, so that comparing them tells nothing of the tokens.
type tokens [][sha256.Size]byte

func openTokens(file string) (*renewed[tokens], error) {
	t := &renewed[tokens]{what: "tokens", files: []string{file}, parse: func(contents [][]byte) (*tokens, error) {
		found, err := parseTokens(contents[0])
		if err != nil {
			return nil, fmt.Errorf("--token-file %s: %w", file, err)
		}
		warnOfReaders(file)
		return &found, nil
	}}
	if err := t.open(); err != nil {
		if !strings.Contains(err.Error(), "--token-file") {
			err = fmt.Errorf("--token-file: %w", err)
		}
		return nil, err
	}
	return t, nil
}

// parseTokens reads tokens, one a line; empty lines and those that begin with # are none. Errors do not
// show what is in the file.
func parseTokens(content []byte) (tokens, error) {
	var found tokens
	for i, line := range strings.Split(string(bytes.TrimPrefix(content, []byte("\ufeff"))), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case strings.ContainsFunc(line, func(c rune) bool { return !inToken(c) }):
			return nil, fmt.Errorf("line %d has a character that a token cannot have: use letters, digits and -._~+/=, one token a line", i+1)
		case len(line) < minToken || len(line) > maxToken:
			return nil, fmt.Errorf("line %d has %d characters, a token has %d to %d: make one by openssl rand -hex 32", i+1, len(line), minToken, maxToken)
		}
		found = append(found, sha256.Sum256([]byte(line)))
	}
	if found == nil {
		return nil, errors.New("there is no token in it: write one a line, as openssl rand -hex 32 makes them")
	}
	return found, nil
}

// inToken says which characters RFC 6750 allows.
func inToken(c rune) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._~+/=", c)
}

// has compares a token with all, in the same time whichever it is.
func (t tokens) has(token string) bool {
	sum, found := sha256.Sum256([]byte(token)), 0
	for _, known := range t {
		found |= subtle.ConstantTimeCompare(sum[:], known[:])
	}
	return found == 1
}

// withToken refuses requests without a token, but for those of open routes.
func (s *Site) withToken(next *router) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route, found := next.find(r); !found || !route.Open {
			if problem, err := s.tokens.get().check(r); err != nil {
				w.Header().Set("WWW-Authenticate", "Bearer"+problem)
				Refuse(w, http.StatusUnauthorized, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// check says what is wrong with a request's token, for the WWW-Authenticate header and for the answer.
func (t *tokens) check(r *http.Request) (problem string, err error) {
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		return "", errors.New("this server wants a token: send the header Authorization: Bearer TOKEN")
	}
	scheme, token, _ := strings.Cut(given[0], " ")
	switch token = strings.TrimSpace(token); {
	case len(given) > 1:
		return ` error="invalid_request"`, errors.New("there are several Authorization headers: send one")
	case !strings.EqualFold(scheme, "Bearer") || token == "":
		return ` error="invalid_request"`, errors.New("this is not a bearer token: send the header Authorization: Bearer TOKEN")
	case !t.has(token):
		return ` error="invalid_token"`, errors.New("the server does not know this token: ask whoever runs it for one")
	}
	return "", nil
}
