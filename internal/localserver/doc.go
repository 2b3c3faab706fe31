// Package localserver starts private, real servers for one process: PostgreSQL,
// PgBouncer, Vault, Prometheus and Docker. The tests use it, and so does `rotor demo`;
// nothing in it is meant for production.
//
// Every server listens on 127.0.0.1 (Docker: on a unix socket) at a free port, keeps all
// it writes below one directory, gets a clean environment and never a secret in its
// arguments. The context given to a Start function bounds the start only; a started
// server runs until Stop. On Linux a server also ends when the process that started it
// dies, however it dies; what is left then is its directory in /tmp, and of Docker the
// bridges of its networks. A program that is not installed gives a *MissingError.
//
// # Surprises
//
// PostgreSQL refuses to run as root, so for root it and Prometheus run as `postgres` (or
// `nobody`), which must be able to enter the server's directory: leave Dir empty and a
// suitable one is made. t.TempDir is not suitable, its parent has mode 0700.
//
// Docker: our own daemon leaves the machine alone. It makes no firewall rules, does not
// turn on forwarding and has no docker0 bridge. What that means for containers:
//   - ports published on 127.0.0.1 work, through Docker's user-land proxy;
//   - containers of one user-defined network (compose makes one) reach each other by name;
//   - `docker run` needs --network NAME or --network host, for there is no default one;
//   - no container reaches the internet, so images are built FROM scratch, without pulls;
//   - a server on the machine's 127.0.0.1 is reached with network_mode host only.
//
// It needs no flags for storage (it picks overlay2) or for cgroups (tried: version 1).
package localserver
