package serving

import (
	"container/list"
	"net"
	"net/http"
	"sync"
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

func newConnections(o ServerOptions, b *bodies) *connections {
	return &connections{most: max(leastConnections, 16*o.Requests), bodies: b, open: map[net.Conn]*list.Element{}}
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
	_ = longest.Close() // it is of no more use, whatever this says
}
