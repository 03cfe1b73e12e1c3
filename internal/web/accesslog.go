package web

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sirupsen/logrus"
)

// longest is the most bytes of a request's texts in the log.
const longest = 300

// log logs a request that has been answered. The query is left out, and so are all headers but User-Agent,
// since there may be secrets in them. The client is the one that connected, whatever headers say of others.
func (e *exchange) log(r *http.Request) {
	sent := e.bytes
	if r.Method == http.MethodHead {
		sent = 0
	}
	logrus.WithFields(logrus.Fields{
		"remote": r.RemoteAddr, "method": cut(r.Method), "path": cut(r.URL.EscapedPath()), "protocol": r.Proto, "status": cmp.Or(e.status, http.StatusOK),
		"received": e.body.bytes, "sent": sent, "seconds": time.Since(e.start).Seconds(), "user_agent": cut(r.UserAgent()),
	}).Info("request")
}

// cut is the beginning of a text that a client chose, with escapes for what could change a terminal.
func cut(text string) string {
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	if strings.ContainsFunc(text, func(c rune) bool { return c == utf8.RuneError || !unicode.IsPrint(c) }) {
		quoted := strconv.QuoteToGraphic(text)
		text = quoted[1 : len(quoted)-1]
	}
	return text
}
