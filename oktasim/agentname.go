package oktasim

import "github.com/mileusna/useragent"

// agentName is the browser and the system in words, as the phone shows them: "Chrome on Windows". What
// names no system is shown as it is.
func agentName(raw string) string {
	ua := useragent.Parse(raw)
	switch {
	case raw == "":
		return "Unknown browser"
	case ua.Name == "" || ua.OS == "":
		return raw
	}
	return ua.Name + " on " + ua.OS
}
