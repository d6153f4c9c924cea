package js

import (
	"github.com/dop251/goja"
)

// envelope is an event as handlers see it: its properties cannot be changed, and what costs is made
// when it is first read. Every event has an object of its own, so nothing that a script keeps of one
// changes with the next.
type envelope struct {
	decoder   *decoder
	event     *Event
	partition string
	read      map[string]goja.Value // made so far
}

// properties are in the order in which a script enumerates them.
var properties = []string{"streamId", "sequenceNumber", "eventType", "eventId", "isJson", "bodyRaw",
	"body", "data", "metadataRaw", "metadata", "linkMetadataRaw", "linkMetadata", "partition", "category",
	"created"}

func (e *envelope) Get(key string) goja.Value {
	if key == "data" {
		key = "body"
	}
	if v, ok := e.read[key]; ok {
		return v
	}
	v := e.value(key)
	if v != nil {
		if e.read == nil {
			e.read = make(map[string]goja.Value, 4)
		}
		e.read[key] = v
	}
	return v
}

// value makes a property, nil if events have none of that name.
func (e *envelope) value(key string) goja.Value {
	switch key {
	case "streamId":
		return e.text(e.event.Stream)
	case "sequenceNumber":
		return e.decoder.vm.ToValue(int64(e.event.Revision))
	case "eventType":
		return e.text(e.event.Type)
	case "eventId":
		return e.text(e.event.ID.String())
	case "isJson":
		return e.decoder.vm.ToValue(!e.event.Binary)
	case "bodyRaw":
		return e.text(string(e.event.Data))
	case "body":
		if e.event.Binary {
			return goja.Undefined()
		}
		return e.json(e.event.Data)
	case "metadataRaw":
		return e.text(string(e.event.Metadata))
	case "metadata":
		return e.json(e.event.Metadata)
	case "linkMetadataRaw":
		if e.event.LinkMetadata == nil {
			return goja.Null()
		}
		return e.text(string(e.event.LinkMetadata))
	case "linkMetadata":
		return e.json(e.event.LinkMetadata)
	case "partition":
		return e.text(e.partition)
	case "category":
		return e.text(Category(e.event.Stream))
	case "created":
		return e.text(e.event.created())
	}
	return nil
}

func (e *envelope) text(s string) goja.Value { return e.decoder.vm.ToValue(s) }

// json is what raw holds, null where it holds no JSON.
func (e *envelope) json(raw []byte) goja.Value {
	v, err := e.decoder.decode(raw)
	if err != nil {
		return goja.Null()
	}
	return v
}

// Set, Has, Delete and Keys make it a goja.DynamicObject that is read-only.
func (e *envelope) Set(string, goja.Value) bool { return false }

func (e *envelope) Has(key string) bool { return e.Get(key) != nil }

func (e *envelope) Delete(key string) bool { return !e.Has(key) }

func (e *envelope) Keys() []string { return properties }
