package e2e

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestPictureForTheReadme makes the README's picture, the page that waits beside the phone. With
// UPDATE_DOCS=1 it replaces docs/push.png.
func TestPictureForTheReadme(t *testing.T) {
	b := newBrowser(t, startDemo(t))
	pat := b.d.person("pat")
	p := b.tab()
	p.do(chromedp.EmulateViewport(620, 870))
	p.askPush(pat, "/")
	phone := b.localTab()
	phone.do(chromedp.EmulateViewport(420, 870))
	phone.open(pat.Phone)
	phone.see(card)
	picture := beside(t, p.viewport(), phone.viewport())
	dir := screenshots
	if os.Getenv("UPDATE_DOCS") == "1" {
		dir = filepath.Join("..", "docs")
		p.check(os.MkdirAll(dir, 0o755))
	}
	p.check(os.WriteFile(filepath.Join(dir, "push.png"), picture, 0o644))
	const limit = 250 << 10
	if len(picture) > limit {
		t.Errorf("push.png has %d bytes, at most %d", len(picture), limit)
	}
}

// viewport is a picture of what the window shows.
func (p *tab) viewport() []byte {
	p.t.Helper()
	picture, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	p.check(err)
	return picture
}

// beside puts two pictures into one, left and right, on white.
func beside(t *testing.T, left, right []byte) []byte {
	t.Helper()
	const gap = 16
	l, r := decode(t, left), decode(t, right)
	size := image.Pt(l.Bounds().Dx()+gap+r.Bounds().Dx(), max(l.Bounds().Dy(), r.Bounds().Dy()))
	all := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(all, all.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.Draw(all, l.Bounds(), l, image.Point{}, draw.Src)
	draw.Draw(all, r.Bounds().Add(image.Pt(l.Bounds().Dx()+gap, 0)), r, image.Point{}, draw.Src)
	var out bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&out, all); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func decode(t *testing.T, b []byte) image.Image {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return img
}
