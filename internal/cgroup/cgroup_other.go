//go:build !linux

package cgroup

import (
	"fmt"
	"os"
)

// Tree cannot be had on this system.
type Tree struct{}

// Leaf cannot be had on this system.
type Leaf struct {
	Service    string
	Generation int
}

// Kills are not counted on this system.
type Kills struct{ Scope Scope }

// Open says that control groups are for Linux.
func Open(string) (*Tree, error) {
	return nil, fmt.Errorf("%w: not supported on this system", ErrUnusable)
}

func (t *Tree) Dir() string                     { return "" }
func (t *Tree) Kills() Scope                    { return "" }
func (t *Tree) Make(string, int) (*Leaf, error) { return nil, ErrUnusable }
func (t *Tree) Leftovers() []*Leaf              { return nil }
func (t *Tree) Close()                          {}

func (l *Leaf) Open() (*os.File, error) { return nil, ErrUnusable }
func (l *Leaf) PIDs() []int             { return nil }
func (l *Leaf) Has(int) bool            { return false }
func (l *Leaf) Kill() error             { return ErrUnusable }
func (l *Leaf) Remove()                 {}

// CountKills counts nothing.
func CountKills(*Leaf) Kills { return Kills{} }

// Since is false.
func (k Kills) Since(Kills) bool { return false }
