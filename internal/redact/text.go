package redact

import (
	"strings"

	"fovea/internal/lazy"
)

// within finds URLs in a text, as far as they go.
var within = lazy.Regexp("(?:[A-Za-z][A-Za-z0-9+.-]*://|\\b(?i:s3|gs|azblob|https?):/)[^\\s\"<>]+")

// assigned finds values that are given to names of credentials, as in the query of a URL without its
// beginning, in headers, and in messages of servers that repeat what they were sent.
var assigned = lazy.Regexp(`(?i)(\b(?:x-amz-signature|x-amz-security-token|x-amz-credential|x-goog-signature|x-goog-credential|sig|secret|secret[_-]?access[_-]?key|session[_-]?token|access[_-]?token|security[_-]?token|refresh[_-]?token|client[_-]?secret|password|passwd|account[_-]?key|shared[_-]?access[_-]?signature|api[_-]?key)(?:=|%3D))[^\s&;,"'<>]*[^\s&;,"'<>)\]}\x60]`)

// header finds the values of headers with credentials.
var header = lazy.Regexp(`(?i)(\b(?:proxy-)?authorization|\bx-amz-security-token|\bset-cookie|\bcookie|\bx-api-key)(:\s*)[^\r\n"<>]+`)

// Text is a text in which every URL is as URL shows it. It also hides what headers and assignments to names of
// credentials say.
func Text(text string) string {
	text = contained(text)
	text = assigned().ReplaceAllString(text, "${1}"+Hidden)
	return header().ReplaceAllString(text, "${1}${2}"+Hidden)
}

// contained is a text in which every URL is as URL shows it.
func contained(text string) string {
	if !strings.Contains(text, ":/") {
		return text
	}
	return within().ReplaceAllStringFunc(text, func(found string) string {
		end := len(strings.TrimRight(found, ":;,.)]}'`!")) // of the sentence
		return URL(found[:end]) + found[end:]
	})
}
