//go:build !linux

package main

// dieWithParent does nothing: other systems do not offer it.
func dieWithParent() {}
