package ui

import (
	"maps"
	"slices"
	"testing"
)

func TestAgent(t *testing.T) {
	for ua, want := range map[string][2]string{
		windowsChrome:                        {"Chrome", "Windows"},
		windowsChrome + " Edg/128.0.2739.42": {"Edge", "Windows"},
		"Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0":                                                                         {"Firefox", "Linux"},
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15":                          {"Safari", "macOS"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1":        {"Safari", "iOS"},
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/128.0.6613.98 Mobile/15E148 Safari/604.1": {"Chrome", "iOS"},
		"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Mobile Safari/537.36":                                {"Chrome", "Android"},
		"Mozilla/5.0 (Linux; Android 14; SM-S901B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36":     {"Samsung Browser", "Android"},
		"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36":                                 {"Chrome", "ChromeOS"},
		"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/128.0.0.0 Safari/537.36":                                  {"Headless Chrome", "Linux"},
		"":                      {"", ""},
		"Call 555-0100 now/1.0": {"", ""},
	} {
		if browser, system := agent(ua); browser != want[0] || system != want[1] {
			t.Errorf("%q: %q on %q, want %q", ua, browser, system, want)
		}
	}
}

// FuzzAgent: no User-Agent names a browser or system outside the closed set, or stops the page.
func FuzzAgent(f *testing.F) {
	f.Add(windowsChrome)
	f.Add("((((;;;;//")
	f.Add("Mozilla/5.0 (Linux; Android")
	f.Fuzz(func(t *testing.T, ua string) {
		browser, system := agent(ua)
		if browser != "" && !slices.Contains(slices.Collect(maps.Values(browsers)), browser) || system != "" && !slices.Contains(slices.Collect(maps.Values(systems)), system) {
			t.Errorf("%q named %q on %q", ua, browser, system)
		}
	})
}
