// Package pooler is a database in production, in small: a real PostgreSQL, a real
// PgBouncer in transaction pooling with four server connections, and clients of
// three kinds that never try twice. The end-to-end tests and `make bench` rotate
// its login meanwhile and count what broke.
//
// What surprises: the clients are those that a rotation hurts most. Pools throw
// their connections away four times a second, others make a new one for every
// transaction, and the instances that hold the login in their environment know
// nothing of a change until they are started again.
package pooler
