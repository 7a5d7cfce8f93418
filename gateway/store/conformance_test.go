package store_test

import (
	"testing"

	"go.uber.org/goleak"

	"sidegate.example/sidegate/gateway/store"
	"sidegate.example/sidegate/gateway/store/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemoryConforms(t *testing.T) {
	m := store.NewMemory()
	storetest.Run(t, m, m)
}
