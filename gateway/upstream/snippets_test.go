package upstream

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// snippet is the block of code below a heading of a page in docs, with site in place of the example's.
func snippet(t *testing.T, page, heading, site string) string {
	t.Helper()
	return snippets(t, page, heading, site)[0]
}

// snippets are all blocks below that heading.
func snippets(t *testing.T, page, heading, site string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../../docs", page))
	if err != nil {
		t.Fatal(err)
	}
	_, below, _ := strings.Cut(string(text), "\n## "+heading+"\n")
	below, _, _ = strings.Cut(below, "\n## ")
	for _, m := range regexp.MustCompile("(?s)```[a-z]+\n(.*?)```").FindAllStringSubmatch(below, -1) {
		if !strings.Contains(m[1], "https://legacy.example.com") {
			t.Fatalf("docs/%s has an example %q that is not for https://legacy.example.com", page, heading)
		}
		blocks = append(blocks, strings.ReplaceAll(m[1], "https://legacy.example.com", site))
	}
	if blocks == nil {
		t.Fatalf("docs/%s has no example %q", page, heading)
	}
	return blocks
}

// program writes files into a folder of their own and runs commands there, the last one with the input; it returns what
// that one printed. A runtime that is not installed skips the test, which is a failure with CI=true.
func program(t *testing.T, files map[string]string, input string, commands ...[]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	for _, c := range commands {
		if _, err := exec.LookPath(c[0]); err != nil {
			t.Skipf("%s is not installed, see internal/deps.sh", c[0])
		}
		for i := range c {
			c[i] = strings.ReplaceAll(c[i], "$DIR", dir)
		}
		out.Reset()
		var errs bytes.Buffer
		cmd := exec.CommandContext(ctx, c[0], c[1:]...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %v\n%s%s", c, err, &out, &errs)
		}
	}
	return out.String()
}

// python finds one that has the modules.
func python(t *testing.T, modules string) string {
	t.Helper()
	for _, p := range []string{"python3", "/usr/bin/python3"} {
		if exec.CommandContext(t.Context(), p, "-c", "import "+modules).Run() == nil {
			return p
		}
	}
	t.Skipf("no python3 with the modules %s is installed, see internal/deps.sh", modules)
	return ""
}

const gson = "/usr/share/java/gson.jar"

// The examples in docs/assertion.md let the right assertion in, and nothing that differs from it in what counts.
func TestAssertionExamplesInDocs(t *testing.T) {
	keys := ring(t, secretNew, secretOld)
	signer := newSigner(t, keys, ES256)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /_mfa/jwks.json", func(w http.ResponseWriter, r *http.Request) {
		set, err := signer.JWKS(r.Context())
		if err != nil {
			t.Error(err)
		}
		w.Write(set) //nolint:errcheck // a test's server
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	site := server.URL

	// First what takes longest: an assertion is good for a minute.
	inGo := map[string]string{"assertion.go": snippet(t, "assertion.md", "Go", site), "driver.go": goDriver}
	program(t, inGo, "", []string{"go", "build", "-o", "$DIR/example", "$DIR/assertion.go", "$DIR/driver.go"})

	now := time.Now()
	good := Request{Issuer: site + "/_mfa", Audience: site, Method: "POST", Path: "/pay%20roll/11", At: now}
	sign := func(s *Signer, change func(*Request)) string {
		t.Helper()
		r := good
		if change != nil {
			change(&r)
		}
		token, err := s.Sign(t.Context(), ordinary(now), r)
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	head := func(token string) string { h, _, _ := strings.Cut(token, "."); return h }
	token := sign(signer, nil)
	parts := strings.Split(token, ".")
	foreign := sign(newSigner(t, ring(t, secretNew+"x"), ES256), nil)
	var set jose.JSONWebKeySet
	raw, err := signer.JWKS(t.Context())
	if err != nil || json.Unmarshal(raw, &set) != nil {
		t.Fatal(err)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT","kid":"` + set.Keys[0].KeyID + `"}`))
	confused := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT","kid":"` + set.Keys[0].KeyID + `"}`))
	cases := []struct{ name, token, want string }{
		{"good", token, "ok 00u1"},
		{"signed with the older key", sign(newSigner(t, ring(t, secretOld), ES256), nil), "ok 00u1"},
		{"another site's", sign(signer, func(r *Request) { r.Audience = "https://other.example.com" }), "no"},
		{"another site's, with our path", strings.Join([]string{parts[0], reclaim(t, parts[1], "aud", "https://other.example.com"), parts[2]}, "."), "no"},
		{"expired", sign(signer, func(r *Request) { r.At = now.Add(-2 * time.Minute) }), "no"},
		{"for another path", sign(signer, func(r *Request) { r.Path = "/other" }), "no"},
		{"for another method", sign(signer, func(r *Request) { r.Method = "GET" }), "no"},
		{"alg none", none + "." + parts[1] + ".", "no"},
		{"alg none with a signature", none + "." + parts[1] + "." + parts[2], "no"},
		{"alg HS256", confused + "." + parts[1] + "." + parts[2], "no"},
		{"foreign key", foreign, "no"},
		{"foreign key under our name", head(token) + strings.TrimPrefix(foreign, head(foreign)), "no"},
		{"signed for somebody else", parts[0] + "." + reclaim(t, parts[1], "sub", "00uroot") + "." + parts[2], "no"},
		{"without signature", parts[0] + "." + parts[1] + ".", "no"},
		{"garbage", "garbage", "no"},
		{"nothing", "", "no"},
		{"another algorithm of ours", sign(newSigner(t, keys, EdDSA), nil), "no"},
	}
	var input, want strings.Builder
	for _, c := range cases {
		fmt.Fprintf(&input, "POST\t/pay%%20roll/11\t%s\n", c.token)
		fmt.Fprintln(&want, c.want)
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

	t.Run("Go", func(t *testing.T) {
		check(t, program(t, inGo, input.String(),
			[]string{"go", "run", "$DIR/assertion.go", "$DIR/driver.go"}))
	})
	t.Run("PHP", func(t *testing.T) {
		check(t, program(t, map[string]string{"assertion.php": snippet(t, "assertion.md", "PHP", site) + phpDriver}, input.String(),
			[]string{"php", "$DIR/assertion.php"}))
	})
	t.Run("Python", func(t *testing.T) {
		check(t, program(t, map[string]string{"assertion.py": snippet(t, "assertion.md", "Python", site) + pythonDriver}, input.String(),
			[]string{python(t, "jwt, cryptography"), "$DIR/assertion.py"}))
	})
	t.Run("nginx", func(t *testing.T) {
		check(t, throughNginx(t, snippets(t, "assertion.md", "nginx", site), input.String()))
	})
	t.Run("Java", func(t *testing.T) {
		if _, err := os.Stat(gson); err != nil {
			t.Skipf("%s is not installed, see internal/deps.sh", gson)
		}
		check(t, program(t, map[string]string{"Assertion.java": snippet(t, "assertion.md", "Java", site), "Driver.java": javaDriver}, input.String(),
			[]string{"javac", "-d", "$DIR", "-cp", gson, "$DIR/Assertion.java", "$DIR/Driver.java"},
			[]string{"java", "-cp", "$DIR:" + gson, "Driver"}))
	})
}

// reclaim changes one claim of an encoded payload.
func reclaim(t *testing.T, payload, name, value string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	var claims map[string]any
	if err != nil || json.Unmarshal(raw, &claims) != nil {
		t.Fatal(err)
	}
	claims[name] = value
	raw, err = json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

const goDriver = `package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {
	keys, err := fetchKeys()
	if err != nil {
		panic(err)
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		f := strings.Split(in.Text(), "\t")
		r, err := http.NewRequest(f[0], site+f[1]+"?month=11", nil)
		if err != nil {
			panic(err)
		}
		r.Header.Set("Remote-Assertion", f[2])
		if p, err := verify(keys, r); err == nil {
			fmt.Println("ok", p.Subject)
		} else {
			fmt.Println("no")
		}
	}
}
`

const phpDriver = `
error_reporting(E_ALL);
set_error_handler(function ($no, $message) { throw new ErrorException($message); });
$keys = fetchKeys();
while (($line = fgets(STDIN)) !== false) {
    [$method, $path, $token] = explode("\t", rtrim($line, "\n"));
    $claims = verify($keys, $token, $method, $path . '?month=11');
    echo $claims ? "ok {$claims['sub']}\n" : "no\n";
}
`

const pythonDriver = `

import sys

for line in sys.stdin:
    method, path, token = line.rstrip("\n").split("\t")
    try:
        print("ok", verify(token, method, path)["sub"])
    except jwt.PyJWTError:
        print("no")
`

const javaDriver = `
import java.io.BufferedReader;
import java.io.InputStreamReader;

public class Driver {
    public static void main(String[] args) throws Exception {
        var keys = Assertion.fetchKeys();
        var in = new BufferedReader(new InputStreamReader(System.in));
        for (String line; (line = in.readLine()) != null; ) {
            String[] f = line.split("\t", -1);
            try {
                System.out.println("ok " + Assertion.verify(keys, f[2], f[0], f[1]).get("sub").getAsString());
            } catch (java.security.GeneralSecurityException | RuntimeException e) {
                System.out.println("no");
            }
        }
    }
}
`
