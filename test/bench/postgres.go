package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/jackc/pgx/v5"

	"github.com/agenticverz/rotor/internal/localserver"
	"github.com/agenticverz/rotor/provider"
	"github.com/agenticverz/rotor/provider/postgres"
	"github.com/agenticverz/rotor/secret"
)

// postgresFloor compares whole rotations of a login with a raw loop on the same
// server: set a verifier made by us, log in with the new password, be refused
// with the old one. Journal on disk, store in memory, no consumer, grace 0.
func postgresFloor(ctx context.Context, _ string) ([]figure, error) {
	server, err := localserver.StartPostgres(ctx, localserver.PostgresOptions{})
	var missing *localserver.MissingError
	if errors.As(err, &missing) {
		fmt.Printf("pg_rotation_vs_raw: not measured: needs %s\n", missing.Program)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer server.Stop()
	err = server.Exec(ctx, "postgres", "CREATE DATABASE bench", "CREATE ROLE bench_owner NOLOGIN", "CREATE ROLE bench_raw LOGIN")
	if err == nil {
		err = server.Exec(ctx, "bench", "GRANT ALL ON SCHEMA public TO bench_owner")
	}
	if err != nil {
		return nil, err
	}
	admin := secret.Fixed(secret.New(server.DSN("bench", "", "")))
	p, err := postgres.New(postgres.Options{Admin: "env:ADMIN", Database: "bench", OwnerRole: "bench_owner",
		Roles: []string{"bench_a", "bench_b"}, Strategy: "alternate"}, admin)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	return against(ctx, server, p)
}

func against(ctx context.Context, server *localserver.Postgres, p *postgres.Provider) ([]figure, error) {
	dir, err := os.MkdirTemp("", "rotor-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer b.journal.Close()
	if err := b.add("login", p, "username", "password"); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, server.DSN("bench", "", ""))
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	raw := &rawLogin{server: server, admin: conn, p: p, password: "none"}
	const n = 12
	result, err := compare(
		func(int) error { return repeat(n, func() error { return b.rotate(ctx, "login") }) },
		func(int) error { return repeat(n, func() error { return raw.rotate(ctx) }) })
	if err != nil {
		return nil, err
	}
	return []figure{
		atMost("pg_rotation_vs_raw", result.ratio, "ratio", 1.25),
		{"pg_rotation_ms", result.ours / n * 1000, "ms", "shown", true},
	}, nil
}

func repeat(n int, do func() error) error {
	for range n {
		if err := do(); err != nil {
			return err
		}
	}
	return nil
}

// rawLogin is the loop that Rotor is compared with.
type rawLogin struct {
	server   *localserver.Postgres
	admin    *pgx.Conn
	p        *postgres.Provider
	password string
}

func (r *rawLogin) rotate(ctx context.Context) error {
	made, err := r.p.Make(ctx, provider.Request{}) // password and verifier, computed on our side
	if err != nil {
		return err
	}
	old := r.password
	r.password = made["password"].Reveal()
	if _, err := r.admin.Exec(ctx, "ALTER ROLE bench_raw PASSWORD '"+made["verifier"].Reveal()+"'"); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, r.server.DSN("bench", "bench_raw", r.password))
	if err != nil {
		return err
	}
	if err := conn.Close(ctx); err != nil {
		return err
	}
	if _, err := pgx.Connect(ctx, r.server.DSN("bench", "bench_raw", old)); err == nil {
		return errors.New("the old password still works")
	}
	return nil
}
