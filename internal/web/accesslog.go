package web

import (
	"cmp"
	"net/http"
	"time"

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

func cut(text string) string {
	if len(text) > longest {
		return text[:longest] + "..."
	}
	return text
}
