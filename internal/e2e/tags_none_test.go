//go:build !vm

package e2e

const tags = ""
