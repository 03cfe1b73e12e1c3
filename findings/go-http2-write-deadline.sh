#!/usr/bin/env bash
# In Go's net/http, a handler that computes for longer than Server.WriteTimeout can still answer over
# HTTP/1.1, by a later deadline; over HTTP/2 its request has been reset by then.
#
# Versions: Go 1.26.8 (the module golang.org/toolchain v0.0.1-go1.26.8.linux-amd64, by GOTOOLCHAIN).
# Seen 2026-11-30.
#
# One would guess: http.ResponseController.SetWriteDeadline does the same for both protocols. A handler
# that sets it just before it writes, because it cannot know how long its computation takes, gets its
# answer to the client, as long as nothing has been written before.
#
# What happens: with a WriteTimeout of 1 s and a handler that begins to write after 2 s with a new
# deadline, the client gets the answer over HTTP/1.1. Over HTTP/2, which is what the same server speaks
# as soon as it has a certificate, the server resets the stream after 1 s with INTERNAL_ERROR, logs nothing, and
# the deadline comes too late. The deadline has to be moved before the computation begins.
#
# Who is hurt: servers whose requests take longer than the time that they give slow readers
# (predictions, reports, conversions). They work in tests and behind proxies, which speak HTTP/1.1 to
# them, and fail once clients connect to them by TLS.
#
# Exits with 0 while this is so, with 1 when the behaviour has changed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
export GOTOOLCHAIN=go1.26.8

cat > go.mod <<'GO'
module finding

go 1.26
GO
cat > main.go <<'GO'
package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"
)

// ask is what a client gets of a handler that takes 2 s before it begins to answer, from a server
// whose WriteTimeout is 1 s.
func ask(http2 bool) string {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(2 * time.Second):
		case <-r.Context().Done():
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(10 * time.Second))
		fmt.Fprint(w, "the answer")
	}))
	server.Config.WriteTimeout = time.Second
	server.EnableHTTP2 = http2
	server.StartTLS()
	defer server.Close()
	answer, err := server.Client().Get(server.URL)
	if err != nil {
		return err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err.Error()
	}
	return answer.Proto + ", " + string(body)
}

func main() {
	one, two := ask(false), ask(true)
	fmt.Println("HTTP/1.1:", one)
	fmt.Println("HTTP/2:  ", two)
	if one == "HTTP/1.1, the answer" && strings.Contains(two, "INTERNAL_ERROR") {
		fmt.Println("as told above")
		return
	}
	fmt.Println("the behaviour has changed")
	os.Exit(1)
}
GO
go version
go run .
