package oktasim_test

import (
	"net/url"
	"testing"

	"sidegate.example/sidegate/oktasim"
)

func TestUserIsFoundByIDAndLogin(t *testing.T) {
	b := newAPIBench(t)
	id := b.api("GET", "/api/v1/users/push@sidegate.example", nil).wantStatus(200).str("id")
	for _, name := range []string{id, "push", "PUSH@Sidegate.example", "púsh@sidegate.example", "push%40sidegate.example"} {
		a := b.api("GET", "/api/v1/users/"+name, nil).wantStatus(200)
		if a.str("id") != id || a.str("status") != "ACTIVE" || a.str("profile", "login") != "push@sidegate.example" || a.str("_links", "self", "href") != orgURL+"/api/v1/users/"+id {
			t.Errorf("%q finds %s", name, a.body)
		}
	}
	for _, name := range []string{"nobody", "push@", "00u", url.PathEscape("a/b@sidegate.example")} {
		b.api("GET", "/api/v1/users/"+name, nil).wantCode(404, "E0000007")
	}
}

// A gateway that passes the name "me" on gets its own admin, whoever was meant.
func TestUserMeIsTheAdminOfTheToken(t *testing.T) {
	b := newAPIBench(t)
	if a := b.api("GET", "/api/v1/users/me", nil).wantStatus(200); a.str("profile", "login") != "totp@sidegate.example" {
		t.Errorf("me is %s", a.body)
	}
	b.ssws(readOnlyToken)
	if a := b.api("GET", "/api/v1/users/me", nil).wantStatus(200); a.str("profile", "login") != "api-admin@okta.test" {
		t.Errorf("me is %s", a.body)
	}
}

func TestUserWithASlashIsFoundByIDOnly(t *testing.T) {
	b := newAPIBench(t, func(c *oktasim.Config) { c.Users = append(c.Users, oktasim.User{Login: "dom/user"}) })
	b.api("GET", "/api/v1/users/dom%2Fuser", nil).wantCode(404, "E0000007")
}

func TestUserShortNameMustBeClear(t *testing.T) {
	b := newAPIBench(t, func(c *oktasim.Config) { c.Users = append(c.Users, oktasim.User{Login: "push@other.example"}) })
	b.api("GET", "/api/v1/users/push", nil).wantCode(404, "E0000007")
	b.api("GET", "/api/v1/users/push@other.example", nil).wantStatus(200)
}

func TestUserStatus(t *testing.T) {
	b := newAPIBench(t)
	for _, status := range []string{"STAGED", "PROVISIONED", "RECOVERY", "PASSWORD_EXPIRED", "LOCKED_OUT", "SUSPENDED", "DEPROVISIONED", "ACTIVE"} {
		if a := b.sim("POST", "status", `{"login":"push@sidegate.example","status":"`+status+`"}`); a.status != 204 {
			t.Fatalf("%s: %d %s", status, a.status, a.body)
		}
		if got := b.api("GET", "/api/v1/users/push", nil).str("status"); got != status {
			t.Errorf("status %q, want %q", got, status)
		}
		want := map[bool]int{true: 200, false: 401}[status == "ACTIVE"]
		b.head.Del("Authorization")
		a := b.begin().password(pushUser, password)
		if b.ssws(adminToken); a.status != want {
			t.Errorf("%s: the password in the Identity Engine is answered %d, want %d", status, a.status, want)
		}
	}
	for _, body := range []string{`{"login":"nobody","status":"ACTIVE"}`, `{"login":"push@sidegate.example","status":"GONE"}`} {
		if a := b.sim("POST", "status", body); a.status != 404 {
			t.Errorf("%s: %d", body, a.status)
		}
	}
}

func TestUserUnlock(t *testing.T) {
	b := newAPIBench(t)
	a := b.api("GET", "/api/v1/users/locked", nil)
	if a.str("status") != "LOCKED_OUT" || a.str("_links", "unlock", "href") == "" {
		t.Fatalf("locked user %s", a.body)
	}
	unlock := "/api/v1/users/" + a.str("id") + "/lifecycle/unlock"
	b.api("POST", unlock, nil).wantStatus(200)
	b.api("POST", unlock, nil).wantCode(403, "E0000032")
	if got := b.api("GET", "/api/v1/users/locked", nil).str("status"); got != "ACTIVE" {
		t.Errorf("status after unlock %q", got)
	}
	b.api("POST", "/api/v1/users/locked/lifecycle/unlock", nil).wantCode(404, "E0000007")
}

func TestUserGroups(t *testing.T) {
	b := newAPIBench(t)
	id := b.api("GET", "/api/v1/users/push", nil).str("id")
	a := b.api("GET", "/api/v1/users/"+id+"/groups", nil)
	if a.status != 200 || string(a.body[:1]) != "[" || !contains(a, `"name":"Everyone"`) || !contains(a, `"name":"Staff"`) {
		t.Fatalf("groups %d %s", a.status, a.body)
	}
}
