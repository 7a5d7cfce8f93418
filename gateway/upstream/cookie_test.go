package upstream

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"
)

const legacy = "https://legacy.example.com"

func newCookie(t testing.TB, name, secret string) *Cookie {
	t.Helper()
	c, err := NewCookie(name, secret)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// set puts the cookie into a request whose client sent these lines, and returns the lines that come of it.
func set(t testing.TB, c *Cookie, site string, lines ...string) []string {
	t.Helper()
	h := http.Header{"Cookie": lines}
	if err := c.Set(h, ordinary(time.Now()), site); err != nil {
		t.Fatal(err)
	}
	return h["Cookie"]
}

// value is the cookie's value alone.
func value(t testing.TB, c *Cookie, site string) string {
	t.Helper()
	return strings.TrimPrefix(set(t, c, site)[0], c.name+"=")
}

func TestCookieSaysWhoAndWhere(t *testing.T) {
	c := newCookie(t, "app_user", secretOld)
	read := func(site string, lines ...string) (Person, error) {
		return c.Read(&http.Request{Header: http.Header{"Cookie": lines}}, site)
	}
	lines := set(t, c, legacy, "a=1")
	got, err := read(legacy, lines...)
	want := Person{Site: legacy, Subject: "00u1", Username: "ada@example.com", Name: "Ada", Email: "ada@example.com", Groups: []string{"staff", "a,b"},
		Session: ordinary(time.Now()).Handle}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v\n have %+v\n want %+v", err, got, want)
	}
	for name, lines := range map[string][]string{
		"another site":   set(t, c, "https://other.example.com"),
		"another secret": set(t, newCookie(t, "app_user", secretNew), legacy),
		"another name":   {"app_user=" + value(t, newCookie(t, "other", secretOld), legacy)},
		"nothing":        nil,
		"garbage":        {"app_user=garbage"},
	} {
		if who, err := read(legacy, lines...); err != ErrCookie || who.Subject != "" {
			t.Errorf("%s: %+v, %v", name, who, err)
		}
	}
}

// The client's own cookie of that name is gone in every spelling that some server takes for it, and no other is touched
// (S16, S17).
func TestCookieReplacesTheClients_S16_S17(t *testing.T) {
	c := newCookie(t, "app_user", secretOld)
	for _, forged := range []string{"app_user=x", "APP_USER=x", "app.user=x", "app user=x", "app-user=x", "app_user[0]=x", " app_user = x ", "app_user"} {
		for _, lines := range [][]string{{"a=1; " + forged + "; b=2"}, {forged + ";a=1", "b=2"}, {"a=1", "b=2; " + forged}} {
			got := set(t, c, legacy, lines...)
			if len(got) != 1 || !strings.HasPrefix(got[0], "app_user=") || !strings.HasSuffix(got[0], "; a=1; b=2") || strings.Count(got[0], ";") != 2 {
				t.Errorf("%q: %q", lines, got)
			}
		}
	}
	if got := set(t, c, legacy, "app_users=1; xapp_user=2"); !strings.HasSuffix(got[0], "; app_users=1; xapp_user=2") {
		t.Errorf("others were cut: %q", got)
	}
}

func TestCookiesThatCannotBe(t *testing.T) {
	for _, tt := range []struct{ name, secret, want string }{
		{"app user", secretOld, `upstream_cookie "app user" is no cookie name; use letters, digits, hyphens and underscores`},
		{"a=b", secretOld, `upstream_cookie "a=b" is no cookie name; use letters, digits, hyphens and underscores`},
		{"app_user", secretOld[:31], "upstream_cookie: the secret has 31 bytes, but at least 32 are needed; make one with: openssl rand -base64 32"},
	} {
		if _, err := NewCookie(tt.name, tt.secret); err == nil || err.Error() != tt.want {
			t.Errorf("have %v, want %s", err, tt.want)
		}
	}
	claims := ordinary(time.Now())
	for i := range 500 {
		claims.Identity.Groups = append(claims.Identity.Groups, fmt.Sprintf("group-%d", i))
	}
	h := http.Header{"Cookie": {"app_user=forged"}}
	if err := newCookie(t, "app_user", secretOld).Set(h, claims, legacy); !errors.Is(err, ErrTooLarge) || h.Get("Cookie") != "app_user=forged" {
		t.Errorf("a cookie that no securecookie opens was made: %v, %q", err, h)
	}
}

// The examples in docs/upstream-cookie.md let the right cookie in, and nothing that differs from it.
func TestCookieExamplesInDocs(t *testing.T) {
	c := newCookie(t, "app_user", secretOld)
	good := value(t, c, legacy)
	raw, err := base64.URLEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.URLEncoding.EncodeToString
	parts := strings.SplitN(string(raw), "|", 3)
	forged := base64.URLEncoding.EncodeToString([]byte(`{"aud":"` + legacy + `","sub":"00uroot","preferred_username":"root"}`))
	cases := []struct{ name, value, want string }{
		{"good", good, "ok ada@example.com"},
		{"another site's", value(t, c, "https://other.example.com"), "no"},
		{"another secret", value(t, newCookie(t, "app_user", secretNew), legacy), "no"},
		{"another cookie's", value(t, newCookie(t, "app_users", secretOld), legacy), "no"},
		{"expired", expired(), "no"},
		{"another time", encode([]byte("1" + parts[0] + "|" + parts[1] + "|" + parts[2])), "no"},
		{"another person", encode([]byte(parts[0] + "|" + forged + "|" + parts[2])), "no"},
		{"no mac", encode([]byte(parts[0] + "|" + forged + "|")), "no"},
		{"short mac", encode(raw[:len(raw)-1]), "no"},
		{"two parts", encode([]byte(parts[0] + "|" + parts[1])), "no"},
		{"garbage", "garbage", "no"},
		{"nothing", "", "no"},
	}
	var input strings.Builder
	for _, c := range cases {
		input.WriteString(c.value + "\n")
	}
	check := func(t *testing.T, got string) {
		t.Helper()
		lines := strings.Split(strings.TrimSuffix(got, "\n"), "\n")
		for i, c := range cases {
			if i >= len(lines) || lines[i] != c.want {
				t.Errorf("%s: %q, want %q", c.name, lines[min(i, len(lines)-1)], c.want)
			}
		}
	}
	driver := func(text string) string { return strings.ReplaceAll(text, "SECRET", secretOld) }
	t.Run("Go", func(t *testing.T) {
		check(t, program(t, map[string]string{"cookie.go": snippet(t, "upstream-cookie.md", "Go", legacy), "driver.go": driver(goCookieDriver)}, input.String(),
			[]string{"go", "run", "$DIR/cookie.go", "$DIR/driver.go"}))
	})
	t.Run("PHP", func(t *testing.T) {
		check(t, program(t, map[string]string{"cookie.php": snippet(t, "upstream-cookie.md", "PHP", legacy) + driver(phpCookieDriver)}, input.String(),
			[]string{"php", "$DIR/cookie.php"}))
	})
	t.Run("Python", func(t *testing.T) {
		check(t, program(t, map[string]string{"cookie.py": snippet(t, "upstream-cookie.md", "Python", legacy) + driver(pythonCookieDriver)}, input.String(),
			[]string{"python3", "$DIR/cookie.py"}))
	})
}

// expired is a cookie with a right mac over a time that is two minutes ago.
func expired() string {
	payload := base64.URLEncoding.EncodeToString([]byte(`{"aud":"` + legacy + `","sub":"00u1","preferred_username":"ada@example.com"}`))
	stamp := fmt.Sprint(time.Now().Add(-2 * time.Minute).Unix())
	mac := hmac.New(sha256.New, []byte(secretOld))
	mac.Write([]byte("app_user|" + stamp + "|" + payload))
	return base64.URLEncoding.EncodeToString([]byte(stamp + "|" + payload + "|" + string(mac.Sum(nil))))
}

const goCookieDriver = `package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
)

func main() {
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		r := &http.Request{Header: http.Header{"Cookie": {"a=1; app_user=" + in.Text()}}}
		if user, err := verify(r, "SECRET"); err == nil {
			fmt.Println("ok", user)
		} else {
			fmt.Println("no")
		}
	}
}
`

const phpCookieDriver = `
error_reporting(E_ALL);
set_error_handler(function ($no, $message) { throw new ErrorException($message); });
while (($line = fgets(STDIN)) !== false) {
    $who = verify(rtrim($line, "\n"), 'SECRET');
    echo $who ? "ok {$who['preferred_username']}\n" : "no\n";
}
`

const pythonCookieDriver = `

import sys

for line in sys.stdin:
    who = verify(line.rstrip("\n"), "SECRET")
    print("ok " + who["preferred_username"] if who else "no")
`
