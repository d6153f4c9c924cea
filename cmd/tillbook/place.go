package main

import (
	"github.com/spf13/pflag"
)

// place is where a verb finds a ledger: its data folder, and the log where that is in an EventStoreDB.
type place struct{ data, eventstore string }

// flags binds both; fromEnvironment reads the same names of the environment as serve does.
func (p *place) flags(f *pflag.FlagSet) {
	f.StringVar(&p.data, "data", defaultData, "folder of the data; its service is used where one runs")
	bind(f, esdbAddress(&p.eventstore), "eventstore",
		"EventStoreDB that holds the log, where it is not in the folder")
}

func (p *place) fromEnvironment(f *pflag.FlagSet) error {
	return fromEnvironment(f, "data", "eventstore")
}
