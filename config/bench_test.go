package config

import (
	"fmt"
	"strings"
	"testing"
)

func fleet(n int) []byte {
	var b strings.Builder
	b.WriteString("version: 1\nstores: {vault: {type: vaultkv, mount: m, token: \"env:T\"}}\nconsumers: {app: {type: compose, services: [a]}}\nchecks: {h: {type: http, url: x}}\ncredentials:\n")
	for i := range n {
		fmt.Fprintf(&b, "  cred-%d:\n    owner: Platform\n    every: quarterly\n    provider: {type: generated, bytes: 32, encoding: hex}\n    targets: [{store: vault, path: path-%d, key: KEY}]\n    consumers: [app]\n    checks: [h]\n    monitor: 5m\n", i, i)
	}
	return []byte(b.String())
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{20, 20000} {
		body := fleet(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse("/x/rotor.yaml", body, stubKinds()); err != nil {
					b.Fatal(Explain(err))
				}
			}
		})
	}
}
