package esdbserver

import (
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"

	"github.com/tillbook/tillbook/eventstore/esdbserver/groups"
)

// infoMessage tells of a group in the protocol's words.
func infoMessage(i groups.Info) *persistent.SubscriptionInfo {
	held := 0
	m := &persistent.SubscriptionInfo{
		EventSource:                   i.Source,
		GroupName:                     i.Group,
		Status:                        i.Status,
		AveragePerSecond:              int32Of(i.PerSecond),
		TotalItems:                    i.Total,
		CountSinceLastMeasurement:     i.Counted,
		LastCheckpointedEventPosition: i.LastCheckpoint,
		LastKnownEventPosition:        i.LastKnown,
		ResolveLinkTos:                i.Settings.ResolveLinks,
		StartFrom:                     i.StartFrom,
		MessageTimeoutMilliseconds:    int32(i.Settings.MessageTimeout.Milliseconds()),
		ExtraStatistics:               i.Settings.ExtraStatistics,
		MaxRetryCount:                 int32Of(i.Settings.MaxRetries),
		LiveBufferSize:                int32Of(i.Settings.LiveBuffer),
		BufferSize:                    int32Of(i.Settings.HistoryBuffer),
		ReadBatchSize:                 int32Of(i.Settings.ReadBatch),
		CheckPointAfterMilliseconds:   int32(i.Settings.CheckpointAfter.Milliseconds()),
		MinCheckPointCount:            int32Of(i.Settings.MinCheckpoint),
		MaxCheckPointCount:            int32Of(i.Settings.MaxCheckpoint),
		ReadBufferCount:               int32Of(i.Buffered),
		RetryBufferCount:              int32Of(i.Retrying),
		OutstandingMessagesCount:      int32Of(i.Outstanding),
		NamedConsumerStrategy:         string(i.Settings.Strategy),
		MaxSubscriberCount:            int32Of(i.Settings.MaxSubscribers),
		ParkedMessageCount:            i.Parked,
	}
	for _, c := range i.Clients {
		held += c.Held
		m.Connections = append(m.Connections, clientMessage(c))
	}
	m.TotalInFlightMessages = int32Of(held)
	return m
}

func clientMessage(c groups.ClientStatus) *persistent.SubscriptionInfo_ConnectionInfo {
	m := &persistent.SubscriptionInfo_ConnectionInfo{
		From:                      c.From,
		Username:                  c.Username,
		AverageItemsPerSecond:     int32Of(c.PerSecond),
		TotalItems:                c.Total,
		CountSinceLastMeasurement: c.Counted,
		AvailableSlots:            int32Of(c.Free),
		InFlightMessages:          int32Of(c.Held),
		ConnectionName:            c.Name,
	}
	for _, l := range c.Latency {
		m.ObservedMeasurements = append(m.ObservedMeasurements,
			&persistent.SubscriptionInfo_Measurement{Key: l.Key, Value: l.Value})
	}
	return m
}

// int32Of is n as far as the protocol can tell it.
func int32Of(n int) int32 { return int32(min(max(n, math.MinInt32), math.MaxInt32)) }
