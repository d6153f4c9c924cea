package storetest_test

import (
	"testing"

	"github.com/tillbook/tillbook/eventstore"
	"github.com/tillbook/tillbook/eventstore/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(*testing.T) eventstore.Store { return storetest.NewMemory() })
}

func TestMemoryLists(t *testing.T) {
	storetest.RunIndexed(t, func(*testing.T) eventstore.Indexed { return storetest.NewMemory() })
}
