package ui

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"time"
)

//go:embed assets/gate.css assets/gate.js
var assetFiles embed.FS

// asset is one file with its content in its name, so that it may be cached for ever.
type asset struct {
	contentType string
	etag        string
	content     []byte
}

type assets struct {
	// style and script are the paths to link to.
	style, script string
	byPath        map[string]asset
}

func loadAssets(prefix string) (assets, error) {
	a := assets{byPath: make(map[string]asset, 2)}
	var err error
	if a.style, err = a.add(prefix, "css", "text/css; charset=utf-8"); err != nil {
		return assets{}, err
	}
	if a.script, err = a.add(prefix, "js", "text/javascript; charset=utf-8"); err != nil {
		return assets{}, err
	}
	return a, nil
}

func (a assets) add(prefix, ext, contentType string) (string, error) {
	content, err := assetFiles.ReadFile("assets/gate." + ext)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(content)
	hash := hex.EncodeToString(sum[:8])
	path := prefix + "/assets/gate." + hash + "." + ext
	a.byPath[path] = asset{contentType: contentType, etag: `"` + hash + `"`, content: content}
	return path, nil
}

// ServeAsset answers GET and HEAD of <Prefix>/assets/<name>.<hash>.css and .js, which may be cached for ever
// because the name changes with the content. Any other path is 404, any other method 405.
func (p *Pages) ServeAsset(w http.ResponseWriter, r *http.Request) {
	SecurityHeaders(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
		return
	}
	a, ok := p.assets.byPath[r.URL.Path]
	if !ok {
		http.Error(w, "Not found.", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("ETag", a.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.content))
}
