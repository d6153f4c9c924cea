package main

import (
	"github.com/spf13/pflag"
)

// place is where a verb finds a ledger: its data folder, the log where that is in an EventStoreDB, and the
// read models where they are in a PostgreSQL database.
type place struct{ data, eventstore, readmodels string }

// flags binds all; fromEnvironment reads the same names of the environment as serve does.
func (p *place) flags(f *pflag.FlagSet) {
	f.StringVar(&p.data, "data", defaultData, "folder of the data; its service is used where one runs")
	bind(f, esdbAddress(&p.eventstore), "eventstore",
		"EventStoreDB that holds the log, where it is not in the folder")
	bind(f, postgresAddress(&p.readmodels), "readmodels",
		"PostgreSQL database that holds the read models, where they are not in the folder")
}

func (p *place) fromEnvironment(f *pflag.FlagSet) error {
	return fromEnvironment(f, "data", "eventstore", "readmodels")
}

// models is where the read models are.
func (p *place) models() string { return orFolder(p.readmodels, p.data) }

// orFolder is the address of a database, or the data folder where there is none.
func orFolder(readmodels, data string) string {
	if readmodels != "" {
		return readmodels
	}
	return data
}
