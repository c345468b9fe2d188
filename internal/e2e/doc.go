// Package e2e tests Roost as a person runs it: the built program, in an empty
// folder, with peers that others wrote. It holds tests only.
//
// ROOST_BINARY names a program that is built already; ROOST_NEED_PEERS=1 makes a
// missing peer program a failure instead of a skip.
package e2e
