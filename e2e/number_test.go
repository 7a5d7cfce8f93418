package e2e

import (
	"slices"
	"strconv"
	"testing"
)

// The number that the page shows is one of three on the phone, which does not know which.
func TestNumberChallenge(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		nia := b.d.person("nia")
		p := b.tab()
		p.askPush(nia, "/")
		number := p.text("#number")
		shot(p, "number")
		phone := b.phone(nia)
		phone.see(card)
		shot(phone, "phone-number")
		phone.click(numberButton(number))
		p.admitted(nia, "/")
	})
}

// A wrong number on the phone is a denial: the person at the phone is not the one at the page.
func TestWrongNumberIsDenied(t *testing.T) {
	everyWay(t, func(t *testing.T, b *browser, shot func(*tab, string)) {
		nia := b.d.person("nia")
		p := b.tab()
		p.askPush(nia, "/")
		number := p.text("#number")
		pushes := b.d.pushes(nia)
		if len(pushes) != 1 || len(pushes[0].Numbers) != 3 || !slices.Contains(pushes[0].Numbers, number) {
			t.Fatalf("the phone got %+v, want one push with three numbers and %s among them", pushes, number)
		}
		wrong := pushes[0].Numbers[0]
		if wrong == number {
			wrong = pushes[0].Numbers[1]
		}
		b.phone(nia).click(numberButton(wrong))
		p.see(onDenied + "[data-reason=denied_on_phone]")
		shot(p, "number-wrong")
		if p.has(onApp) {
			t.Error("the app showed after a wrong number")
		}
	})
}

func numberButton(number string) string {
	return card + " button[data-number=" + strconv.Quote(number) + "]"
}
