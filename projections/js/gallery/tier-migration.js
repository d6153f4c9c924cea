// Tier migration matrix
//
// Asks:   from which tier to which do customers move?
// Answer: a row for each tier they come from, a column for each they go to: how often that happened.
//         Where both are the same, a period ended and the tier was kept.
// Read:   the diagonal stays; what stands towards the higher tiers rises. A tier that many leave
//         downwards is reached by one big purchase, or asks too much to be kept.
// Exact:  every move counts, so a customer who rose twice stands in two cells. "none" is no tier yet.
// Change: the partition to a year's own matrix by adding metadata.business_date.slice(0, 4) before it.
// Chart:  --chart tiers.svg --chart-kind bar --x partition

fromCategory("account").partitionBy(left).when({
  TierChanged: arrive,
  TierRetained: arrive,
});

function left(e) {
  return named(e.eventType === "TierRetained" ? e.body.to : e.body.from);
}

function arrive(s, e) {
  const to = named(e.body.to);
  s[to] = (s[to] || 0) + 1;
}

function named(tier) {
  return tier || "none";
}
