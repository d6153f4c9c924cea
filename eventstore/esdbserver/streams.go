package esdbserver

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// streamsService is EventStoreDB's Streams: append, delete and tombstone here, Read in read.go.
type streamsService struct {
	streams.UnimplementedStreamsServer
	*Server
}
