package serving

import (
	"container/list"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"

	"fovea/internal/web"
)

// leastConnections is how many connections a Server has at least before it closes some.
const leastConnections = 1024

// connections are those of a server. When there are too many, the one that is longest without a
// request gives way, or else a body that makes no progress, or else the newest.
type connections struct {
	most   int
	bodies *bodies

	mutex   sync.Mutex                 // guards what follows
	open    map[net.Conn]*list.Element // of waiting; nil for those with a request
	waiting list.List                  // of net.Conn, the longest waiting first
}

// mostConnections is how many connections a Server has at most.
func (o ServerOptions) mostConnections() int { return max(leastConnections, 16*o.Requests) }

func newConnections(o ServerOptions, b *bodies) *connections {
	return &connections{most: o.mostConnections(), bodies: b, open: map[net.Conn]*list.Element{}}
}

// changed is an http.Server's ConnState.
func (c *connections) changed(connection net.Conn, state http.ConnState) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if place := c.open[connection]; place != nil {
		c.waiting.Remove(place)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.open[connection] = c.waiting.PushBack(connection)
	case http.StateActive:
		c.open[connection] = nil
	default:
		delete(c.open, connection)
	}
	if state != http.StateNew || len(c.open) <= c.most {
		return
	}
	longest := c.waiting.Front().Value.(net.Conn)
	if longest == connection && c.bodies.giveWay() {
		return
	}
	if encrypted, is := longest.(*tls.Conn); is {
		longest = encrypted.NetConn() // to say goodbye could take as long as the client likes
	}
	_ = longest.Close() // it is of no more use, whatever this says
}

// limited bounds the number of open requests, since there are many on one connection of HTTP/2. Open
// routes, which take no time, are answered all the same.
func (s *Server) limited(routes []web.Route) []web.Route {
	for i, route := range routes {
		routes[i].Handler = func(w http.ResponseWriter, r *http.Request) {
			defer s.open.Add(-1)
			if s.open.Add(1) > int64(s.options.mostConnections()) && !route.Open && !s.bodies.giveWay() {
				s.refused.WithLabelValues("open requests").Inc()
				w.Header().Set("Retry-After", strconv.Itoa(s.retryAfter()))
				web.Refuse(w, http.StatusServiceUnavailable, fmt.Errorf("%d requests are open: try again", s.options.mostConnections()))
				return
			}
			route.Handler(w, r)
		}
	}
	return routes
}
