package esdbserver

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/tillbook/tillbook/eventstore/storetest"
)

// FuzzRead sends whatever can be decoded as a request. It is answered, or refused as invalid; a
// subscription is confirmed.
func FuzzRead(f *testing.F) {
	for _, changes := range [][]change{
		nil,
		{ofStream("s", fromStart)},
		{ofStream("$ce-s", fromEnd), backwards, withLinks},
		{ofStream("s", 1), live},
		{ofAll(fromStart), passing(prefixFilter(false, "s"))},
		{ofAll(3), live, passing(regexFilter(true, `^[^\$].*`))},
		{ofAll(fromEnd), backwards, atMost(2)},
	} {
		seed, err := proto.Marshal(ask(changes...))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(seed)
	}
	h := openHouse(f, storetest.NewMemory())
	h.fill("s", 3, "Tested")
	h.link("s", "1@s")
	f.Fuzz(func(t *testing.T, data []byte) {
		var req streams.ReadReq
		if proto.Unmarshal(data, &req) != nil {
			return // gRPC refuses it
		}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		call, err := h.stub.Read(ctx, &req)
		for err == nil {
			var resp *streams.ReadResp
			if resp, err = call.Recv(); resp.GetConfirmation() != nil {
				return
			}
		}
		if !errors.Is(err, io.EOF) && status.Code(err) != codes.InvalidArgument {
			t.Fatalf("answer to %v: got %v, want its end or InvalidArgument", &req, err)
		}
	})
}
