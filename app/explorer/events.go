package explorer

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sirupsen/logrus"
)

// hub tells all pages what happens. Its zero value is not usable.
type hub struct {
	mutex sync.Mutex
	pages map[chan event]bool
}

// event is a Server-Sent Event.
type event struct{ name, data string }

// waiting is how many events a page may lag behind before it is cut off; it then connects again and asks for
// what it needs.
const waiting = 64

func newHub() *hub { return &hub{pages: map[chan event]bool{}} }

// send tells all pages of an event, with a value as JSON. It never waits.
func (h *hub) send(name string, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		logrus.Errorf("explorer: event %s: %v", name, err)
		return
	}
	h.mutex.Lock()
	defer h.mutex.Unlock()
	for page := range h.pages {
		select {
		case page <- event{name, string(data)}:
		default:
			delete(h.pages, page)
			close(page)
		}
	}
}

// listen gives the events from now on, until leave is called. The channel is closed if nobody reads it.
func (h *hub) listen() (events <-chan event, leave func()) {
	page := make(chan event, waiting)
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.pages[page] = true
	return page, func() {
		h.mutex.Lock()
		defer h.mutex.Unlock()
		delete(h.pages, page)
	}
}

// ServeHTTP streams the events to a page until it goes or the server stops.
func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	events, leave := h.listen()
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	control := http.NewResponseController(w)
	_, err := fmt.Fprint(w, "retry: 1000\n\n")
	alive := time.NewTicker(20 * time.Second)
	defer alive.Stop()
	for err == nil {
		if err = control.Flush(); err != nil {
			return // the page has gone
		}
		select {
		case e, ok := <-events:
			if !ok {
				return
			}
			_, err = fmt.Fprintf(w, "event: %s\ndata: %s\n\n", e.name, e.data)
		case <-alive.C:
			_, err = fmt.Fprint(w, ": alive\n\n")
		case <-r.Context().Done():
			return
		}
	}
}
