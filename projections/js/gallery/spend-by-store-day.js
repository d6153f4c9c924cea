// Spend by store and day
//
// Asks:   how much stored value is spent in each store, on each business day?
// Answer: a row for each store, unit and day: spent is what debits took less what refunds and
//         reversals gave back on that day, as decimal text in the unit; debits and refunds count them.
// Read:   a day below zero gave back more than it took. The day is the store's business day. A debit
//         that named no store stands under "none".
// Exact:  to the smallest step of the unit, up to 2^53 of them in a row; then the script stops.
// Change: the day to a month by day.slice(0, 7); the store to metadata.terminal or .channel.
// Chart:  --chart spend.svg --x day --y spent --by store

fromCategory("account").partitionBy(e => [storeOf(e), e.body.amount.unit, dayOf(e)].join(" ")).when({
  $init: () => ({ debits: 0, refunds: 0, spent: "0" }),
  $created(s, e) {
    s.store = storeOf(e);
    s.unit = e.body.amount.unit;
    s.day = dayOf(e);
  },
  DebitPosted(s, e) {
    s.debits++;
    s.spent = plus(s.spent, e.body.amount.amount);
  },
  DebitRefunded: giveBack,
  DebitReversed: giveBack,
});

function giveBack(s, e) {
  s.refunds++;
  s.spent = minus(s.spent, e.body.amount.amount);
}

function storeOf(e) {
  return e.metadata.store || "none";
}

function dayOf(e) {
  return e.metadata.business_date;
}

// plus adds two amounts in decimal text, exactly: as whole numbers of the unit's smallest step. Up to
// 2^53 steps (90 trillion at two digits) JavaScript holds them; beyond, the script stops.
function plus(a, b) {
  const places = b.includes(".") ? b.length - b.indexOf(".") - 1 : 0;
  const x = Number(a.replace(".", "")), y = Number(b.replace(".", ""));
  if (![x, y, x + y].every(Number.isSafeInteger)) {
    throw new RangeError(a + " and " + b + " are more than 2^53 steps");
  }
  const digits = String(Math.abs(x + y)).padStart(places + 1, "0");
  const whole = digits.slice(0, digits.length - places);
  return (x + y < 0 ? "-" : "") + whole + (places ? "." + digits.slice(-places) : "");
}

// minus is a less b.
function minus(a, b) {
  return plus(a, b.startsWith("-") ? b.slice(1) : "-" + b);
}
