// What EventStoreDB's official Node client does to a server, step by step. It appends by BatchAppend, where
// the Go client appends one by one, and reads errors from their details. Usage: node client.mjs esdb://…
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  BACKWARDS, END, EventStoreDBClient, FORWARDS, NO_STREAM, PARK, RETRY, START, STREAM_EXISTS,
  PersistentSubscriptionDoesNotExistError, PersistentSubscriptionExistsError, StreamDeletedError,
  StreamNotFoundError, WrongExpectedVersionError, binaryEvent, eventTypeFilter, excludeSystemEvents, jsonEvent,
  persistentSubscriptionToAllSettingsFromDefaults, persistentSubscriptionToStreamSettingsFromDefaults,
  streamNameFilter,
} from "@eventstore/db-client";

const client = EventStoreDBClient.connectionString(process.argv[2]);
const category = "node" + randomUUID().slice(0, 8);
const stream = category + "-first";
const event = (i) => jsonEvent({ type: "Node" + (i % 2), data: { i }, metadata: { m: i } });
const events = (n) => Array.from({ length: n }, (_, i) => event(i));
const collect = async (read) => {
  const all = [];
  for await (const e of read) all.push(e);
  return all;
};

// first takes so many events of a subscription, handing each to handle before it counts.
const first = (subscription, count, handle = async () => true) =>
  new Promise((resolve, reject) => {
    const seen = [];
    subscription.on("error", reject);
    subscription.on("data", async (e) => {
      if (!(await handle(e))) return;
      seen.push(e);
      if (seen.length === count) subscription.unsubscribe().then(() => resolve(seen), reject);
    });
  });
const confirmed = (subscription) => new Promise((resolve) => subscription.once("confirmation", resolve));

const steps = {
  async "append at a revision, and again"() {
    let answer = await client.appendToStream(stream, events(3), { expectedRevision: NO_STREAM });
    assert.equal(answer.nextExpectedRevision, 2n);
    assert.ok(answer.position.commit > 0n);
    const more = [event(3)];
    for (const _ of [1, 2]) {
      answer = await client.appendToStream(stream, more, { expectedRevision: 2n });
      assert.equal(answer.nextExpectedRevision, 3n);
    }
  },
  async "wrong revisions are told with their numbers"() {
    await assert.rejects(client.appendToStream(stream, event(9), { expectedRevision: 7n }), (e) => {
      assert.ok(e instanceof WrongExpectedVersionError);
      assert.equal(e.actualVersion, 3n);
      assert.equal(e.expectedVersion, 7n);
      return true;
    });
    await assert.rejects(client.appendToStream(stream, event(9), { expectedRevision: NO_STREAM }),
      WrongExpectedVersionError);
    await assert.rejects(
      client.appendToStream(category + "-none", event(9), { expectedRevision: STREAM_EXISTS }),
      WrongExpectedVersionError);
  },
  async "an append that is too large"() {
    const large = Array.from({ length: 30 }, () => jsonEvent({ type: "Large", data: "x".repeat(100_000) }));
    await assert.rejects(client.appendToStream(category + "-large", large),
      { type: "maximum-append-size-exceeded" });
  },
  async "bytes that are not JSON"() {
    await client.appendToStream(stream, binaryEvent({ type: "Binary", data: Buffer.from([0, 1, 2, 255]) }));
    const all = await collect(client.readStream(stream, { direction: FORWARDS, fromRevision: START }));
    assert.equal(all.length, 5);
    assert.deepEqual([all[1].event.data.i, all[1].event.metadata.m, all[1].event.isJson], [1, 1, true]);
    assert.deepEqual([all[4].event.data[3], all[4].event.isJson], [255, false]);
    assert.ok(Date.now() - new Date(all[0].event.created) < 600_000);
  },
  async "reads backwards, and of what is not there"() {
    const last = await collect(client.readStream(stream, { direction: BACKWARDS, fromRevision: END, maxCount: 2 }));
    assert.deepEqual(last.map((e) => e.event.revision), [4n, 3n]);
    await assert.rejects(collect(client.readStream(category + "-none")), StreamNotFoundError);
  },
  async "$all in both directions"() {
    const last = await collect(client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 2 }));
    assert.deepEqual(last.map((e) => e.event.streamId), [stream, stream]);
    assert.equal((await collect(client.readAll({ fromPosition: START, maxCount: 3 }))).length, 3);
  },
  async "many appends at once"() {
    const answers = await Promise.all(events(500).map((e) => client.appendToStream(category + "-many", e)));
    const revisions = answers.map((a) => Number(a.nextExpectedRevision)).sort((a, b) => a - b);
    assert.deepEqual(revisions, Array.from({ length: 500 }, (_, i) => i));
  },
  async "metadata"() {
    await client.setStreamMetadata(stream, { maxCount: 2, custom: "x" });
    const { metadata } = await client.getStreamMetadata(stream);
    assert.deepEqual([metadata.maxCount, metadata.custom], [2, "x"]);
    assert.deepEqual((await collect(client.readStream(stream))).map((e) => e.event.revision), [3n, 4n]);
  },
  async "a subscription from the start to what comes"() {
    const subscription = client.subscribeToStream(category + "-many", { fromRevision: START });
    const all = first(subscription, 502);
    await confirmed(subscription);
    await client.appendToStream(category + "-many", events(2));
    assert.ok((await all).every((e, i) => e.event.revision === BigInt(i)));
  },
  async "a filtered subscription with checkpoints"() {
    let checkpoints = 0;
    const filter = eventTypeFilter({
      regex: "^Node1$", checkpointInterval: 5, checkpointReached: async () => { checkpoints++; },
    });
    const found = await first(client.subscribeToAll({ fromPosition: START, filter }), 250);
    assert.ok(found.every((e) => e.event.type === "Node1") && checkpoints > 0);
  },
  async "a subscription from the end"() {
    const subscription = client.subscribeToAll({ fromPosition: END, filter: excludeSystemEvents() });
    const next = first(subscription, 1);
    await confirmed(subscription);
    await client.appendToStream(category + "-new", event(1));
    assert.equal((await next)[0].event.streamId, category + "-new");
  },
  async "links, by category and by type"() {
    await client.appendToStream("links-" + category,
      binaryEvent({ type: "$>", data: Buffer.from(`0@${category}-many`) }));
    const [linked] = await collect(client.readStream("links-" + category, { resolveLinkTos: true }));
    assert.deepEqual([linked.event.streamId, linked.link.type], [category + "-many", "$>"]);
    const own = await collect(client.readStream("$ce-" + category, { resolveLinkTos: true, maxCount: 10 }));
    assert.equal(own.length, 10);
    own.forEach((e, i) => { // $maxCount has cut off what the first three lead to
      assert.equal(e.link.streamId, "$ce-" + category);
      assert.equal(e.event?.streamId.startsWith(category + "-"), i < 3 ? undefined : true);
    });
    assert.equal((await collect(client.readStream("$et-Node1", { maxCount: 3 }))).length, 3);
  },
  async "a persistent subscription: retried, parked, replayed"() {
    const source = category + "-many", group = "group";
    const settings = persistentSubscriptionToStreamSettingsFromDefaults({ startFrom: START });
    await client.createPersistentSubscriptionToStream(source, group, settings);
    await assert.rejects(client.createPersistentSubscriptionToStream(source, group, settings),
      PersistentSubscriptionExistsError);
    let subscription = client.subscribeToPersistentSubscriptionToStream(source, group);
    let again = false;
    const seen = await first(subscription, 502, async (e) => {
      if (e.event.revision === 1n && !again) {
        again = true;
        await subscription.nack(RETRY, "again", e);
        return false;
      }
      await (e.event.revision === 2n ? subscription.nack(PARK, "not now", e) : subscription.ack(e));
      return true;
    });
    assert.equal(new Set(seen.map((e) => e.event.revision)).size, 502);
    assert.equal((await client.getPersistentSubscriptionToStreamInfo(source, group)).eventSource, source);
    assert.ok((await client.listAllPersistentSubscriptions()).some((g) => g.groupName === group));

    subscription = client.subscribeToPersistentSubscriptionToStream(source, group);
    const parked = first(subscription, 1, async (e) => { await subscription.ack(e); return e.event.revision === 2n; });
    await confirmed(subscription);
    await client.replayParkedMessagesToStream(source, group);
    assert.equal((await parked)[0].event.revision, 2n);
    await client.updatePersistentSubscriptionToStream(source, group, settings);
    await client.deletePersistentSubscriptionToStream(source, group);
    await assert.rejects(client.getPersistentSubscriptionToStreamInfo(source, group),
      PersistentSubscriptionDoesNotExistError);
  },
  async "a persistent subscription to $all"() {
    const settings = persistentSubscriptionToAllSettingsFromDefaults({ startFrom: START });
    const filter = streamNameFilter({ prefixes: [category] });
    await client.createPersistentSubscriptionToAll(category, settings, { filter });
    const subscription = client.subscribeToPersistentSubscriptionToAll(category);
    await first(subscription, 20, async (e) => { await subscription.ack(e); return true; });
    await client.deletePersistentSubscriptionToAll(category);
  },
  async "projections"() {
    const name = category + "-counts", source = category + "-many";
    const script = (field) => `fromStream("${source}").when({
      $init: () => ({ ${field}: 0, of: "${source}" }), $any: (s) => { s.${field}++; } }).outputState()`;
    await client.createProjection(name, script("n"));
    await assert.rejects(client.createProjection(name, script("n")), /Duplicate projection names/);
    await assert.rejects(client.createProjection(name + "2", "fromAll("), /2\.js:1:9/);
    assert.deepEqual(await client.getProjectionState(name), { n: 502, of: source });
    assert.deepEqual(await client.getProjectionResult(name), { n: 502, of: source });
    let status = await client.getProjectionStatus(name);
    assert.deepEqual([status.name, status.status, status.progress], [name, "Running", 100]);
    await assert.rejects(client.deleteProjection(name), /hasn't been stopped/);
    await client.updateProjection(name, script("m"));
    assert.deepEqual(await client.getProjectionState(name), { m: 502, of: source });
    await client.resetProjection(name);
    await client.disableProjection(name);
    status = await client.getProjectionStatus(name);
    assert.deepEqual([status.status, status.version], ["Stopped", 1n]);
    await client.enableProjection(name);
    assert.deepEqual((await client.listProjections()).map((p) => p.name),
      ["$by_category", "$by_event_type", "$streams", name]);
    await client.restartSubsystem();
    await client.abortProjection(name);
    await client.deleteProjection(name);
    await assert.rejects(client.getProjectionStatus(name), /not found/);
  },
  async "deleted, written again, and deleted for good"() {
    assert.ok((await client.deleteStream(stream)).position.commit > 0n);
    await assert.rejects(collect(client.readStream(stream)), StreamNotFoundError);
    const again = await client.appendToStream(stream, event(5), { expectedRevision: NO_STREAM });
    assert.equal(again.nextExpectedRevision, 5n);
    await assert.rejects(client.tombstoneStream(stream, { expectedRevision: 77n }), WrongExpectedVersionError);
    await client.tombstoneStream(stream);
    await assert.rejects(collect(client.readStream(stream)), StreamDeletedError);
    await assert.rejects(client.appendToStream(stream, event(1)), StreamDeletedError);
  },
};

for (const [name, step] of Object.entries(steps)) {
  try {
    await step();
  } catch (e) {
    console.error(`${name}:`, e);
    process.exit(1);
  }
}
await client.dispose();
process.exit(0);
