package replicas

import (
	"net"
	"strings"
	"testing"

	"sidegate.example/sidegate/gateway/store/storetest"
)

// A whole sign-in over two replicas whose store is behind Sentinel, where the server dies while the phone rings.
func TestSentinel(t *testing.T) {
	sentinel, server := storetest.Sentinel(t)
	_, port, _ := net.SplitHostPort(server.Addr)
	signInOver(t, "address "+sentinel.Addr+"\n\t\t\tmaster_name mymaster", func() {
		server.Kill()
		storetest.Eventually(t, "the Sentinel names another server", func() bool {
			return !strings.Contains(sentinel.CLI("sentinel", "get-master-addr-by-name", "mymaster"), port)
		})
	})
}

// The same over a Redis Cluster.
func TestCluster(t *testing.T) {
	nodes := storetest.Cluster(t)
	signInOver(t, "address "+nodes[0].Addr+"\n\t\t\tcluster", func() {})
}

// signInOver signs somebody in with a store; meanwhile comes between the push and its approval.
func signInOver(t *testing.T, store string, meanwhile func()) {
	s := setup{replicas: 2, sharedStorage: true}
	s.store = redisStore(s, store)
	w := newWorld(t, s)
	pat := w.join("pat")
	b := w.browser(mainSite)
	b.on(w.all[0]).askPush(pat, "/report")
	meanwhile()
	b.on(w.all[1])
	w.eventually("the other replica waits too", func() bool { return b.open("/report").shown() == "step/wait" })
	if err := pat.approve(); err != nil {
		t.Fatal(err)
	}
	if err := b.arrive("/report").in(pat); err != nil {
		t.Error(err)
	}
	copied := b.copied().on(w.all[0])
	if err := copied.open("/report").in(pat); err != nil {
		t.Error(err)
	}
	b.signOut().want("signedout")
	w.eventually("refused", func() bool { return copied.open("/report").status == 401 })
	if n := pat.pushed(); n != 1 {
		t.Errorf("%d pushes", n)
	}
}
