package ui

import (
	"github.com/mileusna/useragent"
)

// maxAgent bounds what is parsed; it is what flows forwards to Okta.
const maxAgent = 1024

// browsers and systems are what is shown, by the library's names: a closed set, because the library
// makes a name out of any text and a page should not repeat what it cannot vouch for.
var browsers = map[string]string{
	useragent.Chrome: "Chrome", useragent.HeadlessChrome: "Headless Chrome", useragent.Firefox: "Firefox",
	useragent.Safari: "Safari", useragent.MobileSafari: "Safari", useragent.Edge: "Edge",
	useragent.Opera: "Opera", useragent.OperaMini: "Opera Mini", useragent.OperaTouch: "Opera Touch",
	useragent.Vivaldi: "Vivaldi", useragent.SamsungBrowser: "Samsung Browser",
	useragent.InternetExplorer: "Internet Explorer",
}

var systems = map[string]string{
	useragent.Windows: "Windows", useragent.MacOS: "macOS", useragent.Linux: "Linux",
	useragent.Android: "Android", useragent.IOS: "iOS", useragent.ChromeOS: "ChromeOS",
	useragent.CrOS: "ChromeOS", useragent.FreeBSD: "FreeBSD", useragent.Harmony: "HarmonyOS",
}

// agent names the browser and its system, "" where they are not known.
func agent(userAgent string) (browser, system string) {
	if len(userAgent) > maxAgent {
		userAgent = userAgent[:maxAgent]
	}
	ua := useragent.Parse(userAgent)
	return browsers[ua.Name], systems[ua.OS]
}
