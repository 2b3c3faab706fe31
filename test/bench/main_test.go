package main

import "testing"

// BenchmarkRotation is for profiles: go test -bench Rotation -cpuprofile x ./test/bench
func BenchmarkRotation(b *testing.B) {
	bb, err := newBench(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer bb.journal.Close()
	for i := 0; b.Loop(); i++ {
		if err := bb.serial(b.Context(), i); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRotation64(b *testing.B) {
	bb, err := newBench(b.Context(), b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer bb.journal.Close()
	for i := 0; b.Loop(); i++ {
		if err := bb.parallel(b.Context(), i); err != nil {
			b.Fatal(err)
		}
	}
}
