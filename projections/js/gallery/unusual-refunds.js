// Unusual refunds
//
// Asks:   who gives back far more often than the others?
// Answer: a row for each store, person and unit with at least LEAST refunds, and TIMES the others' share
//         of refunds among debits: debits and refunds (how many), debited and refunded (decimal text
//         in the unit), percent of the debits that was given back, and percent_of_all beside it.
// Read:   a row is a question, not a verdict: a returns desk stands here, too. Compare terminals, look
//         at the reasons in the accounts' history.
// Exact:  the person is metadata.operator, or the API key where none was named. Shares are by number,
//         rounded to two digits. A cancelled debit counts as a refund.
// Change: LEAST and TIMES; the person to metadata.terminal, or to e.body.account_id for customers.
// Chart:  --chart refunds.svg --chart-kind bar --x who --y percent --y percent_of_all

const LEAST = 3;
const TIMES = 2;

fromCategory("account").partitionBy(e => [storeOf(e), whoOf(e), e.body.amount.unit].join(" ")).when({
  $initShared: () => ({}),
  $init: () => ({ debits: 0, refunds: 0, debited: "0", refunded: "0" }),
  DebitPosted([one, all], e) {
    const every = begin(one, all, e);
    one.debits++;
    every.debits++;
    one.debited = plus(one.debited, e.body.amount.amount);
  },
  DebitRefunded: giveBack,
  DebitReversed: giveBack,
}).transformBy(([one, all]) => ({
  ...one, percent: percent(one), percent_of_all: percent(all[one.unit]),
})).filterBy(row => row.refunds >= LEAST && row.percent >= TIMES * row.percent_of_all);

function giveBack([one, all], e) {
  const every = begin(one, all, e);
  one.refunds++;
  every.refunds++;
  one.refunded = plus(one.refunded, e.body.amount.amount);
}

// begin names the row, and is the row of all.
function begin(one, all, e) {
  one.store = storeOf(e);
  one.who = whoOf(e);
  one.unit = e.body.amount.unit;
  all[one.unit] ||= { debits: 0, refunds: 0 };
  return all[one.unit];
}

// percent is the share of refunds among debits; who gave back and took nothing has 100 for each.
function percent(row) {
  return Math.round(10000 * row.refunds / Math.max(1, row.debits)) / 100;
}

function storeOf(e) {
  return e.metadata.store || "none";
}

function whoOf(e) {
  return e.metadata.operator || e.metadata.actor;
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
