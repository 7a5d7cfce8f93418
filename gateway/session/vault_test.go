package session

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func vaultOf(t *testing.T, stored *storedRing) *Vault {
	t.Helper()
	r, err := stored.ring()
	if err != nil {
		t.Fatal(err)
	}
	return NewVault(Static(r))
}

// What is in a shared store is found and opened after a rotation, and by nobody without the keys.
func TestVaultAcrossARotation(t *testing.T) {
	old := newStoredRing(time.Now())
	rotated := &storedRing{Version: storedVersion, Keys: slices.Clone(old.Keys), Names: old.Names}
	rotated.add(time.Now())
	ctx, before, after, another := t.Context(), vaultOf(t, old), vaultOf(t, rotated), vaultOf(t, newStoredRing(time.Now()))
	doc := bytes.Repeat([]byte("state handle 02.id.secret "), 10_000) // 256 KB
	sealed, err := before.Seal(ctx, "signin/a", doc)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := after.Open(ctx, "signin/a", sealed); err != nil || !bytes.Equal(got, doc) {
		t.Errorf("after the rotation: %d bytes, %v", len(got), err)
	}
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("the document can be read")
	}
	again, _ := before.Seal(ctx, "signin/a", doc)
	if bytes.Equal(again, sealed) {
		t.Error("the same document looks the same")
	}
	name, err := before.Name(ctx, "code/00u1")
	if err != nil || len(name) != 24 || strings.Contains(name, "00u1") {
		t.Errorf("name %q, %v", name, err)
	}
	if same, _ := after.Name(ctx, "code/00u1"); same != name {
		t.Errorf("the name is %q, and %q after a rotation", name, same)
	}
	if other, _ := another.Name(ctx, "code/00u1"); other == name {
		t.Error("the name needs no key")
	}
	for what, try := range map[string]struct {
		vault   *Vault
		purpose string
		sealed  []byte
	}{
		"another purpose": {before, "signin/b", sealed},
		"another key":     {another, "signin/a", sealed},
		"changed":         {before, "signin/a", append(bytes.Clone(sealed[:len(sealed)-1]), sealed[len(sealed)-1]^1)},
		"cut":             {before, "signin/a", sealed[:12]},
		"nothing":         {before, "signin/a", nil},
	} {
		if got, err := try.vault.Open(ctx, try.purpose, try.sealed); !errors.Is(err, ErrInvalid) {
			t.Errorf("%s: %d bytes, %v, want ErrInvalid", what, len(got), err)
		}
	}
}

// A ring from before there were names gets its secret of names once, and keeps it.
func TestKeeperGivesAnOldRingItsNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		storage := newSharedStorage()
		old := &storedRing{Version: storedVersion}
		old.add(time.Now())
		storage.ring, _ = json.Marshal(old)
		var names []string
		for range 2 {
			k := NewKeeper(Rotation{})
			k.Use(storage, nil)
			name, err := NewVault(k).Name(t.Context(), "x")
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, name)
			k.Close()
		}
		if names[0] != names[1] || storage.stores != 1 || storage.keys(t) != 1 {
			t.Errorf("names %q, stored %d times with %d keys", names, storage.stores, storage.keys(t))
		}
	})
}
