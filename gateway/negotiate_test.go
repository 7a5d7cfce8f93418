package gateway

import (
	"net/http"
	"testing"
)

func TestWantsPage(t *testing.T) {
	const html = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
	tests := []struct {
		name   string
		method string
		header map[string]string
		want   bool
	}{
		{"navigation", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Accept": html}, true},
		{"form post", "POST", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, true},
		{"frame", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, true},
		{"fetch that accepts html", "GET", map[string]string{"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Accept": html}, false},
		{"image", "GET", map[string]string{"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, false},
		{"object by navigation", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"}, false},
		{"websocket", "GET", map[string]string{"Upgrade": "websocket", "Connection": "Upgrade", "Accept": html}, false},
		{"websocket by metadata", "GET", map[string]string{"Sec-Fetch-Mode": "websocket"}, false},
		{"preflight", "OPTIONS", map[string]string{"Access-Control-Request-Method": "GET", "Accept": html}, false},
		{"xhr of an old browser", "GET", map[string]string{"X-Requested-With": "XMLHttpRequest", "Accept": html}, false},
		{"metadata beats X-Requested-With", "GET", map[string]string{"Sec-Fetch-Mode": "navigate", "X-Requested-With": "com.example.webview"}, true},
		{"old browser", "GET", map[string]string{"Accept": html}, true},
		{"html refused", "GET", map[string]string{"Accept": "text/html;q=0, application/json"}, false},
		{"curl", "GET", map[string]string{"Accept": "*/*"}, false},
		{"json", "GET", map[string]string{"Accept": "application/json"}, false},
		{"nothing", "GET", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &http.Request{Method: tt.method, Header: http.Header{}}
			for k, v := range tt.header {
				r.Header.Set(k, v)
			}
			if got := navigates(r); got != tt.want {
				t.Errorf("navigates = %v, want %v", got, tt.want)
			}
		})
	}
}
